# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers of one host, through the creel program.

Every call is one run of the program: there is no state here, and two programs that use this at once are as safe as two
shells. Calls block; all of them may be made from any thread.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Sequence, Union

__all__ = ["Container", "Error", "Info", "PROGRAM", "Report", "Shown", "containers", "doctor", "version"]

PROGRAM = "creel"
"""The program that is run: a name that is looked up in PATH, or a path."""

Path = Union[str, "os.PathLike[str]"]


class Error(Exception):
    """The program said no.

    message: what failed, on which object, and why; the program's own words. hint: the likely cure, "" when there is none.
    code: its exit code. command: the words that were run.
    """

    def __init__(self, command: Sequence[str], code: int, stderr: str) -> None:
        lines = [line for line in stderr.splitlines() if line]
        hints = [line[len("hint: "):] for line in lines if line.startswith("hint: ")]
        said = [line for line in lines if not line.startswith("hint: ")]
        self.command: List[str] = list(command)
        self.code = code
        self.message = "\n".join(said) or f"{command[0]} ended with {code}"
        self.hint = "\n".join(hints)
        super().__init__(self.message)


@dataclass(frozen=True)
class Info:
    """One container as `creel ps` knows it. pid and started_ns (since the epoch): None while it does not run."""

    name: str
    id: str
    lxcpath: str
    state: str
    pid: Optional[int]
    started_ns: Optional[int]
    addresses: List[str]


@dataclass(frozen=True)
class Shown:
    """A container in a dialect's words: the text of its configuration file, and "field=value" of what cannot be said there."""

    dialect: str
    text: str
    not_expressible: List[str]


@dataclass(frozen=True)
class Report:
    """What dead containers left behind; fixed: it has been removed."""

    found: int
    fixed: bool
    findings: List[str]


def _run(words: Sequence[str], ok: Sequence[int] = (0,)) -> str:
    command = [PROGRAM, *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode not in ok:
        raise Error(command, done.returncode, done.stderr)
    return done.stdout


def _place(lxcpath: Optional[Path]) -> List[str]:
    return ["-P", os.fspath(lxcpath)] if lxcpath is not None else []


def _known(cls: Any, members: Mapping[str, Any]) -> Any:
    """Of a later program's answer, the members that this class has."""
    return cls(**{name: members[name] for name in cls.__dataclass_fields__})


def version() -> str:
    """The program's version number."""
    return _run(["--version"]).strip()


def containers(*, all: bool = True, lxcpath: Optional[Path] = None) -> List[Info]:
    """The containers of this host, of every dialect, by name; without ALL those that run."""
    words = ["ps", "--format=json", *(["-a"] if all else []), *_place(lxcpath)]
    return [_known(Info, c) for c in json.loads(_run(words))]


def doctor(*, fix: bool = False) -> Report:
    """Looks for what containers left whose keeper and command are gone; with FIX it is removed."""
    words = ["doctor", "--format=json", *(["--fix"] if fix else [])]
    # 1 says that something was found.
    return _known(Report, json.loads(_run(words, ok=(0, 1))))  # type: ignore[no-any-return]


class Container:
    """One container by its name. It need not exist yet: each call looks it up afresh."""

    def __init__(self, name: str, lxcpath: Optional[Path] = None) -> None:
        self.name = name
        self.lxcpath = lxcpath

    def __repr__(self) -> str:
        return f"creel.Container({self.name!r})"

    def _words(self, command: str, *options: str) -> List[str]:
        # By option: a name never is one itself.
        return [command, *options, *_place(self.lxcpath), "-n", self.name]

    def info(self) -> Info:
        """As of now. Error when there is no such container."""
        for c in containers(lxcpath=self.lxcpath):
            if c.name == self.name:
                return c
        raise Error(self._words("ps"), 1, f"{self.name}: no such container")

    @property
    def state(self) -> str:
        """RUNNING, STOPPED, FROZEN and so on, as LXC names them."""
        return self.info().state

    def start(self) -> None:
        """Returns when its first process has been executed. One that runs already is left alone."""
        _run(["start", *_place(self.lxcpath), "--", self.name])

    def stop(self, *, timeout: Optional[int] = None, kill: bool = False) -> None:
        """Asks it to shut down; kills it after TIMEOUT seconds (60 by default, -1 never), with KILL at once."""
        words = ["stop", *_place(self.lxcpath)]
        if timeout is not None:
            words.append(f"--timeout={timeout}")
        if kill:
            words.append("--kill")
        _run([*words, "--", self.name])

    def plan(self, command: Sequence[str] = ()) -> List[str]:
        """The steps of a start, one a line, exactly those that the start executes. Nothing is changed."""
        return _run([*self._words("plan"), *(["--", *command] if command else [])]).splitlines()

    def show(self, dialect: str = "lxc") -> Shown:
        """It in the words of DIALECT, whichever dialect it was made in."""
        return _known(  # type: ignore[no-any-return]
            Shown, json.loads(_run(self._words("show", f"--as={dialect}", "--format=json"))))

    def exec(self, command: Sequence[str], *, user: Optional[int] = None, group: Optional[int] = None,
             workdir: Optional[str] = None, env: Optional[Mapping[str, str]] = None, input: Optional[str] = None,
             check: bool = False) -> "subprocess.CompletedProcess[str]":
        """Runs COMMAND inside, without a terminal, and returns its output and exit code.

        With CHECK a code other than 0 is an Error. The environment is the container's, and ENV.
        """
        if not command:
            raise ValueError("no command")
        words = self._words("exec", "--no-pty")
        words += [f"--user={user}"] if user is not None else []
        words += [f"--group={group}"] if group is not None else []
        words += [f"--workdir={workdir}"] if workdir is not None else []
        for name, value in (env or {}).items():
            words.append(f"--env={name}={value}")
        done = subprocess.run([PROGRAM, *words, "--", *command], input=input if input is not None else "",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if check and done.returncode != 0:
            raise Error([PROGRAM, *words], done.returncode, done.stderr)
        return done
