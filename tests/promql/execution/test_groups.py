"""Numbers of label sets across batches."""

from __future__ import annotations

from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.promql.execution.groups import GroupTable


def rows(numbers: range, symbols: SymbolTable) -> LabelRows:
    wide = {f"label{place}": "x" for place in range(30)}
    return LabelRows.from_labels(
        [Labels.from_mapping({"n": str(number), **(wide if number % 50 == 0 else {})}) for number in numbers], symbols
    )


def test_equal_rows_keep_their_number_while_the_table_grows() -> None:
    symbols = SymbolTable()
    table = GroupTable(symbols)
    assert table.assign(rows(range(300), symbols)).tolist() == list(range(300))
    assert table.assign(rows(range(250, 900), symbols)).tolist() == list(range(250, 900))
    assert len(table) == 900
    assert str(table.labels().labels(899)) == '{n="899"}'
    assert len(table.labels().labels(850).pairs) == 31


def test_an_empty_label_set_is_a_group_like_any() -> None:
    symbols = SymbolTable()
    table = GroupTable(symbols)
    empty = LabelRows.from_labels([Labels(), Labels()], symbols)
    assert table.assign(empty).tolist() == [0, 0]
