"""Sharding of blocks by their labels."""

from __future__ import annotations

import pytest

from promontory.catalog.filters import FilterFacts
from promontory.catalog.relabel import RelabelFilter, keeps, parse_relabel_rules
from promontory.errors import InputError
from promontory.model.labels import Labels
from tests.catalog.blocks import meta_of, ulid_of

FACTS = FilterFacts(now_ms=0, marks={}, modified_ms={})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("{action: keep, source_labels: [cluster], regex: a}", True),
        ("{action: keep, source_labels: [cluster], regex: ab}", False),
        ("{action: Drop, source_labels: [cluster], regex: 'a|b'}", False),
        ("{action: drop, source_labels: [cluster], regex: b}", True),
        ("{action: keep, source_labels: [cluster, replica], regex: 'a;0'}", True),
        ("{action: keep, source_labels: [cluster, replica], separator: '', regex: a0}", True),
        ("{action: keep, source_labels: [missing], regex: ''}", True),
        ("{action: keep, source_labels: [missing], regex: '.+'}", False),
    ],
)
def test_rules_keep_and_drop_by_whole_matches(rule: str, expected: bool) -> None:
    assert keeps({b"cluster": b"a", b"replica": b"0"}, parse_relabel_rules(f"- {rule}")) is expected


def test_shares_by_hash_are_prometheus_ones() -> None:
    # The last eight bytes of MD5("a").
    digest = 0x31C399E269772661
    for modulus in (2, 3, 6):
        text = f"""
        - {{action: hashmod, source_labels: [cluster], target_label: shard, modulus: {modulus}}}
        - {{action: keep, source_labels: [shard], regex: "{digest % modulus}"}}
        """
        assert keeps({b"cluster": b"a"}, parse_relabel_rules(text))


def test_every_block_falls_to_one_share_and_replicas_to_the_same() -> None:
    text = """
    - {{action: hashmod, source_labels: [cluster, replica], target_label: shard, modulus: 2}}
    - {{action: keep, source_labels: [shard], regex: "{}"}}
    """
    metas = [meta_of(n, labels=Labels.from_mapping({"cluster": str(n // 2), "replica": str(n % 2)})) for n in range(20)]
    blocks = {meta.ulid: meta for meta in metas}
    shares = [
        RelabelFilter(parse_relabel_rules(text.format(share)), ("replica",)).exclude(blocks, FACTS) for share in (0, 1)
    ]
    assert set(shares[0]) ^ set(shares[1]) == set(blocks)
    assert shares[0]
    assert shares[1]
    assert all((ulid_of(n) in shares[0]) is (ulid_of(n + 1) in shares[0]) for n in range(0, 20, 2))


def test_a_block_can_be_chosen_by_its_ulid() -> None:
    blocks = {meta.ulid: meta for meta in (meta_of(1), meta_of(2))}
    rules = parse_relabel_rules(f"- {{action: drop, source_labels: [__block_id], regex: {ulid_of(1)}}}")
    assert RelabelFilter(rules).exclude(blocks, FACTS) == {ulid_of(1): "dropped by relabelling"}
    assert RelabelFilter(parse_relabel_rules(" ")).exclude(blocks, FACTS) == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b", "relabel (line 1): expected a list, found a mapping"),
        ("- {regex: a}", "relabel[0] (line 1): expected an action of keep, drop and hashmod, found replace"),
        ("- {action: labelmap}", "relabel[0].action (line 1): expected an action of keep, drop and hashmod, found"),
        ("- {action: keep, regex: '('}", "relabel[0].regex (line 1): expected an RE2 expression, found error parsing"),
        ("- {action: hashmod, target_label: x}", "relabel[0] (line 1): expected a modulus above 0 for hashmod"),
        ("- {action: hashmod, modulus: 2}", "relabel[0] (line 1): expected a target_label for hashmod"),
        ("- {action: hashmod, modulus: -2}", "relabel[0].modulus (line 1): expected a whole number, found '-2'"),
        ("- {action: keep, source: [a]}", "relabel[0].source (line 1): expected one of source_labels, separator"),
    ],
)
def test_an_error_names_line_and_key(text: str, expected: str) -> None:
    with pytest.raises(InputError) as found:
        parse_relabel_rules(text)
    assert str(found.value).startswith(expected)
