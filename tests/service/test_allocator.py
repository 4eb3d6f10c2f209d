"""Freed memory is kept for the next morsel, and given back once in a while."""

from __future__ import annotations

import subprocess
import sys

from promontory.service.allocator import find_allocator

# In a process of its own: the settings cannot be taken back.
SCRIPT = """
import resource
import numpy as np
from promontory.service.allocator import find_allocator

def faults_of(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        np.ones(1 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

allocator = find_allocator()
assert allocator.keep()
faults_of(3)
print(faults_of(20))
many = [np.ones(1 << 18) for _ in range(60)]
del many
held = resident_bytes()
allocator.give_back()
print(held - resident_bytes())
"""


def test_arrays_reuse_the_pages_of_those_before_them_and_what_is_free_is_given_back() -> None:
    assert find_allocator() is not None, "these tests run on glibc"
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    faults, given_back = map(int, run.stdout.split())
    # An array of 8 MiB is 2048 pages: cleared anew they would be 40,960 faults.
    assert faults < 4000
    assert given_back > 60 << 20
