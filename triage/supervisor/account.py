"""Started by root, the product runs as its own account: made when absent, data folder handed over, rights dropped.

Promises that no parent folder changes its mode or owner, and that PostgreSQL never runs as uid 0.
Refuses a TRIAGE_HOME or an installation that the account cannot reach.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

from triage.domain.errors import ConfigError

ACCOUNT = "spine-triage"
USERADD = ("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin")


def leave_root(home: Path) -> None:
    """Become the product's account when started by root; otherwise do nothing."""
    if os.geteuid() != 0:
        return
    account = _account(home)
    home.mkdir(parents=True, exist_ok=True)
    os.chown(home, account.pw_uid, account.pw_gid)
    home.chmod(0o750)
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    os.environ.update(HOME=str(home), USER=ACCOUNT, LOGNAME=ACCOUNT)
    _check_reach(home)


def _account(home: Path) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    try:
        subprocess.run(
            [*USERADD, "--home-dir", str(home), ACCOUNT], check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as trouble:
        raise ConfigError(
            "TRIAGE_HOME",
            f"the account {ACCOUNT} could not be made",
            f"Make it: {' '.join(USERADD)} {ACCOUNT}",
        ) from trouble
    return pwd.getpwnam(ACCOUNT)


def _check_reach(home: Path) -> None:
    if not os.access(home, os.W_OK | os.X_OK):
        raise ConfigError(
            "TRIAGE_HOME",
            f"{home} cannot be reached by the account {ACCOUNT}",
            "Choose a folder whose parents others may enter, such as /var/lib/spine-triage.",
        )
    code = Path(__file__).parent
    if not (os.access(sys.executable, os.X_OK) and os.access(code / "__init__.py", os.R_OK)):
        raise ConfigError(
            "installation",
            f"{sys.executable} or {code} cannot be read by the account {ACCOUNT}",
            "Start with ops/demo, which installs into /opt when root starts it.",
        )
