"""The part of docs/flags.md that lists every flag of every command: `python -m promontory.service.flag_table`.

It rewrites what stands below the heading of the list; a test keeps the file true.
"""

from __future__ import annotations

import sys
from pathlib import Path

from promontory.service.command import Command
from promontory.service.flags import Flag
from promontory.service.main import load_commands

HEADING = "\n## Every flag\n"


def write_flag_list(text: str) -> str:
    """Return the text of docs/flags.md with its list made anew."""
    parts = [text.partition(HEADING)[0].rstrip("\n") + "\n", HEADING]
    for command in sorted(load_commands(), key=lambda found: found.name):
        parts += [_section(f"{command.name} {member.name}", member) for member in command.members]
        if not command.members:
            parts.append(_section(command.name, command))
    return "".join(parts)


def _section(name: str, command: Command) -> str:
    rows = [f"\n### promontory {name}\n\n{command.summary}\n\n| flag | standing | default | |\n|---|---|---|---|\n"]
    rows += [_row(flag) for flag in command.flags.flags.values()]
    return "".join(rows)


def _row(flag: Flag) -> str:
    standing = "refused" if flag.refused else "accepted" if flag.is_accepted else "works"
    default = f"`{flag.default}`" if flag.default else ""
    note = flag.help.rstrip(".").replace("|", "\\|")
    return f"| `{flag.name}` | {standing} | {default} | {note} |\n"


def main() -> int:
    """Rewrite the file named on the command line."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/flags.md")
    path.write_text(write_flag_list(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
