"""The machine under the stack: namespaces of its own, small disks, a clock that steps, flushes that take long.

Each is there only where the system permits it; what is missing is told with its reason, its faults are skipped.
"""

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

ALONE = "CHAOS_ALONE"
"""Set inside namespaces of our own: there, mounting and routing change nothing for anybody else."""
MIB = 1 << 20
DISKS: Mapping[str, int] = {
    "spool": 6 * MIB,
    "state": 8192 * MIB,
    "clickhouse": 8192 * MIB,
    "kafka": 8192 * MIB,
}
"""Folders of the data folder that get a disk of their own, and its size: an hour at 1,000 events a second
fits. They stand in memory, of which they take what is written."""
_SOURCE = Path(__file__).with_name("shim.c")
_ENTER = ("unshare", "--map-root-user", "--mount", "--net", "--propagation", "private")


def alone(command: Sequence[str]) -> tuple[list[str], str]:
    """The command inside namespaces of its own; or as it is, with the reason why that cannot be."""
    if not sys.platform.startswith("linux"):
        return [*command], "namespaces are Linux'"
    for tool in ("unshare", "ip", "mount"):
        if shutil.which(tool) is None:
            return [*command], f"{tool} is not installed"
    inner = 'ip link set lo up && mount -t tmpfs none "$0" && umount "$0" && exec "$@"'
    enter = [*_ENTER, "sh", "-c", inner, "/mnt"]
    tried = subprocess.run([*enter, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        return [*command], f"namespaces are not permitted here ({tried.stderr.strip()[:120]})"
    return [*enter, "env", f"{ALONE}=1", *command], ""


@dataclass(slots=True)
class Machine:
    """What can be done to the machine under one data folder; `missing` says what not, and why."""

    folder: Path
    """Where its control file and its compiled shim stand, outside the data folder."""
    missing: dict[str, str] = field(default_factory=dict)
    _control: Path = field(init=False)
    _shim: Path | None = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not os.environ.get(ALONE):
            self.missing["disks"] = self.missing["network"] = "no namespaces of our own here"
        self._control = self.folder / "control"
        self._control.write_bytes(bytes(16))
        self._shim = self._compile()

    def _compile(self) -> Path | None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            self.missing["clock"] = self.missing["slow disk"] = "no C compiler here"
            return None
        made = self.folder / "shim.so"
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(made), str(_SOURCE), "-ldl", "-lpthread"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            self.missing["clock"] = self.missing["slow disk"] = f"cc: {done.stderr.strip()[:200]}"
            return None
        return made

    @property
    def environment(self) -> dict[str, str]:
        """What the stack's processes must be started with."""
        if self._shim is None:
            return {}
        return {"LD_PRELOAD": str(self._shim), "CHAOS_CONTROL": str(self._control)}

    def set(self, *, step_seconds: int = 0, flush_ms: int = 0) -> None:
        """The wall clock's step against the true one, and how much longer every flush takes."""
        with self._control.open("r+b") as file:
            file.write(struct.pack("=qq", step_seconds, flush_ms))

    def mount(self, data: Path) -> None:
        """Gives parts of an empty data folder disks of their own."""
        if "disks" in self.missing:
            return
        for name, size in DISKS.items():
            (data / name).mkdir(parents=True, exist_ok=True)
            _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(data / name))

    def prepare_network(self) -> None:
        """Lets rules stand before the table of local addresses, which else comes first."""
        if "network" not in self.missing:
            _run("ip", "rule", "add", "pref", "100", "lookup", "local")
            _run("ip", "rule", "del", "pref", "0")


def cut(port: int) -> None:
    """Every packet from and to that port of this machine is lost from now on."""
    for end in ("dport", "sport"):
        _run("ip", "rule", "add", "pref", "10", "ipproto", "tcp", end, str(port), "blackhole")


def mend(port: int) -> None:
    """Packets arrive again."""
    for end in ("dport", "sport"):
        _run("ip", "rule", "del", "pref", "10", "ipproto", "tcp", end, str(port), "blackhole")


def fill(folder: Path) -> None:
    """Takes all space that is left on the disk of a folder, to the last page and within a moment: the disk shrinks
    to little more than what it holds, and a file takes the rest."""
    while True:
        found = os.statvfs(folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        if _resized(folder, used + MIB):
            break
    with (folder / "chaos.filler").open("ab", buffering=0) as file:
        size = 0
        for piece in (64 * MIB, MIB, 4096):
            try:
                while True:
                    os.posix_fallocate(file.fileno(), size, piece)
                    size += piece
            except OSError:
                continue


def make_room(folder: Path) -> None:
    """Gives the space back."""
    assert _resized(folder, DISKS[folder.name]), f"the disk of {folder} does not grow again"
    (folder / "chaos.filler").unlink(missing_ok=True)


def _resized(folder: Path, size: int) -> bool:
    """Whether the disk has that size now: none can be smaller than what it holds."""
    command = ("mount", "-o", f"remount,size={size}", str(folder))
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def free_memory() -> int:
    """Bytes of memory that the machine could still give: disks and processes of a long run live there."""
    return int(psutil.virtual_memory().available)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
