"""The command `triage`, and `python -m triage`."""

from __future__ import annotations

from triage.cli.root import main

if __name__ == "__main__":
    main()
