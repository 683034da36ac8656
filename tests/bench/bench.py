"""What the programs that measure davit have in common: namespaces of their own, times, a project of small services.

A program calls in_namespaces() first: it runs again where nothing of it can leak.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PROJECT = f"bench-{os.environ.setdefault('BENCH_RUN', str(os.getpid()))}"    # the same inside the namespaces


def in_namespaces():
    """Runs this program again where nothing of it can leak."""
    if os.environ.get("BENCH_INSIDE"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "run", "/run"], check=True)
        return
    os.environ["BENCH_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                          sys.executable, sys.argv[0], *sys.argv[1:]])


def run(*words, check=True):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check and done.returncode:
        sys.exit(f"bench: {' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def timed(function):
    began = time.perf_counter()
    function()
    return (time.perf_counter() - began) * 1000


def show(what, samples, unit="ms", floor=None):
    text = f"{statistics.median(samples):8.1f} {unit}  ({min(samples):.1f} - {max(samples):.1f})"
    print(f"{what:44} {text:38} {f'floor: {floor}' if floor else ''}".rstrip(), flush=True)


def compose_file(n, directory):
    at_once = {"restart_policy": {"condition": "any", "delay": "0s"}}
    services = {f"s{i}": {"image": "busybox", "command": ["sleep", "inf"], "init": False, "deploy": at_once, "stop_signal": "SIGKILL"}
                for i in range(n)}
    path = directory / f"{n}.json"
    path.write_text(json.dumps({"name": PROJECT, "services": services}))
    return path


class Davit:
    def __init__(self, program, directory):
        self.program, self.directory = program, directory
        self.base = [program, "--state-dir", str(directory / "state"), "--run-dir", "/run/davit"]

    def __call__(self, *words):
        return run(*self.base, *words)

    def processes(self):
        """(keeper, supervisor)"""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if b"--supervise" in words:
                found["keeper" if words[0].endswith(b"davit-keeper") else "supervisor"] = path.parent
        return found["keeper"], found["supervisor"]


def processes(group):
    try:
        return group.read_text().split()
    except OSError:                      # the group went while we looked
        return []


def first_process(slot):
    for group in pathlib.Path("/sys/fs/cgroup").glob(f"*/davit/{PROJECT}/{slot}/cgroup.procs"):
        pids = processes(group)
        if pids:
            return int(pids[0])
    pids = processes(pathlib.Path(f"/sys/fs/cgroup/davit/{PROJECT}/{slot}/cgroup.procs"))
    return int(pids[0]) if pids else None


def main(doc, measures):
    """The body of such a program, given DAVIT and IMAGES-DIR: measures(davit, directory, images), after which nothing is left."""
    if len(sys.argv) != 3:
        sys.exit(doc)
    program, images = os.path.realpath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    in_namespaces()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=images.parent))
    davit = Davit(program, directory)
    try:
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, kernel {os.uname().release}")
        measures(davit, directory, images)
    finally:
        subprocess.run([*davit.base, "-p", PROJECT, "down", "-t", "0"], capture_output=True)
        subprocess.run("find /sys/fs/cgroup -depth -type d -path '*/davit/" + PROJECT + "*' -exec rmdir {} + 2>/dev/null", shell=True)
        shutil.rmtree(directory, ignore_errors=True)
