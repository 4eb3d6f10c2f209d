"""The functions of PromQL 3.14: 73 stable ones and 17 that are experimental.

Signatures are written as `types[…]`: V instant vector, M range vector, S scalar, T string; the last type may be
optional (`?`), repeated up to n times in all beyond the others (`?n`) or without end (`*`, none is fine too).
Source: Prometheus' documentation, "Query functions".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from promontory.promql.nodes import ValueType

UNBOUNDED = -1

_STABLE = """
abs(V) absent(V) absent_over_time(M) acos(V) acosh(V) asin(V) asinh(V) atan(V) atanh(V) avg_over_time(M) ceil(V)
changes(M) clamp(VSS) clamp_max(VS) clamp_min(VS) cos(V) cosh(V) count_over_time(M) days_in_month(V?)
day_of_month(V?) day_of_week(V?) day_of_year(V?) deg(V) delta(M) deriv(M) exp(V) first_over_time(M) floor(V)
histogram_avg(V) histogram_count(V) histogram_sum(V) histogram_stddev(V) histogram_stdvar(V)
histogram_fraction(SSV) histogram_quantile(SV) hour(V?) idelta(M) increase(M) irate(M) label_replace(VTTTT)
label_join(VTTT*) last_over_time(M) ln(V) log10(V) log2(V) max_over_time(M) min_over_time(M) minute(V?) month(V?)
pi()S predict_linear(MS) present_over_time(M) quantile_over_time(SM) rad(V) rate(M) resets(M) round(VS?) scalar(V)S
sgn(V) sin(V) sinh(V) sort(V) sort_desc(V) sqrt(V) stddev_over_time(M) stdvar_over_time(M) sum_over_time(M) tan(V)
tanh(V) time()S timestamp(V) vector(S) year(V?)
"""
_EXPERIMENTAL = """
end()S histogram_quantiles(VTSS?9) double_exponential_smoothing(MSS) info(VV?) max_of(SS)S min_of(SS)S
mad_over_time(M) ts_of_first_over_time(M) ts_of_max_over_time(M) ts_of_min_over_time(M) ts_of_last_over_time(M)
range()S sort_by_label(VT*) sort_by_label_desc(VT*) start()S start_timestamp(V) step()S
"""
_SIGNATURE = re.compile(r"(\w+)\(([VMST]*)(\*|\?\d*)?\)([VMST]?)")
_TYPES = {"V": ValueType.VECTOR, "M": ValueType.MATRIX, "S": ValueType.SCALAR, "T": ValueType.STRING}


@dataclass(frozen=True, slots=True)
class Function:
    """A function's signature. `variadic` 0: all arguments are due; n > 0: the last type stands 0 to n times;
    UNBOUNDED: the last type stands any number of times.
    """

    name: str
    argument_types: tuple[ValueType, ...]
    variadic: int
    return_type: ValueType
    experimental: bool


def _read(table: str, *, experimental: bool) -> dict[str, Function]:
    functions = {}
    for name, types, repeat, result in _SIGNATURE.findall(table):
        variadic = UNBOUNDED if repeat == "*" else int(repeat[1:] or 1) if repeat else 0
        functions[name] = Function(
            name=name,
            argument_types=tuple(_TYPES[letter] for letter in types),
            variadic=variadic,
            return_type=_TYPES[result or "V"],
            experimental=experimental,
        )
    return functions


FUNCTIONS: Final = _read(_STABLE, experimental=False) | _read(_EXPERIMENTAL, experimental=True)
