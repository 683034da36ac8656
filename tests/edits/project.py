"""A random project: services that only sleep, with whatever else a service may have, and random edits of it.

Everything comes of the generator that is given, so that a seed tells the whole story. Stops are SIGKILL: nobody waits for a sleeper. A job
(one that ends) is there only while somebody waits for its completion: else each `up` would run it again."""

import copy
import json

COMMANDS = (["sleep", "inf"], ["sleep", "1000000"], ["tail", "-f", "/dev/null"], ["sh", "-c", "exec sleep inf"])
CAPABILITIES = ("NET_RAW", "CHOWN", "SETUID", "KILL")


class Project:
    def __init__(self, name, rng):
        self.name = name
        self.serial = 0
        self.files = {"app.conf": "0", "key": "0", "vars.env": "V=0"}
        self.services = {}
        for _ in range(rng.randint(2, 5)):
            self.add_service(rng)

    # --- services ---

    def fresh(self):
        self.serial += 1
        return self.serial

    def add_service(self, rng):
        name = f"s{self.fresh()}"
        service = {"image": "busybox", "command": rng.choice(COMMANDS), "stop_signal": "SIGKILL"}
        earlier = sorted(n for n in self.services if not self.is_job(n))
        if earlier and rng.random() < 0.5:
            service["depends_on"] = {rng.choice(earlier): {"condition": "service_started"}}
        self.services[name] = service
        for _ in range(rng.randint(0, 4)):
            rng.choice(ATTRIBUTES)(self, service, rng)
        return f"add {name}"

    def is_job(self, name):
        return self.services[name].get("command") == ["true"]

    def add_job(self, rng):
        plain = sorted(n for n in self.services if not self.is_job(n))
        job, waits = f"s{self.fresh()}", rng.choice(plain)
        self.services[job] = {"image": "busybox", "command": ["true"], "environment": {"N": str(self.serial)}}
        self.services[waits].setdefault("depends_on", {})[job] = {"condition": "service_completed_successfully"}
        return f"add job {job} before {waits}"

    def remove_service(self, rng):
        plain = sorted(n for n in self.services if not self.is_job(n))
        if len(plain) < 2:
            return self.add_service(rng)
        gone = rng.choice(plain)
        needed = [n for n in self.services[gone].get("depends_on", {}) if self.is_job(n)]
        for name in [gone, *needed]:
            del self.services[name]
        for service in self.services.values():
            for name in [gone, *needed]:
                service.get("depends_on", {}).pop(name, None)
        return "remove " + " ".join([gone, *needed])

    def change_service(self, rng):
        name = rng.choice(sorted(self.services))
        if self.is_job(name):
            self.services[name]["environment"]["N"] = str(self.fresh())
            return f"job {name} changed"
        change = rng.choice(ATTRIBUTES)
        change(self, self.services[name], rng)
        return f"{name}: {change.__name__}"

    def change_file(self, rng):
        name = rng.choice(sorted(self.files))
        self.files[name] = ("V=" if name == "vars.env" else "") + str(self.fresh())
        return f"{name} changed"

    def nothing(self, rng):
        return "nothing"

    def edit(self, rng):
        """One to three changes; returns what they were."""
        kinds = [self.change_service] * 6 + [self.change_file] * 2 + [self.add_service, self.remove_service, self.add_job, self.nothing]
        return [rng.choice(kinds)(rng) for _ in range(rng.randint(1, 3))]

    # --- around it ---

    def before_up(self, rng):
        """What somebody did to the containers meanwhile."""
        plain = sorted(n for n in self.services if not self.is_job(n))
        if rng.random() < 0.75:
            return []
        return [rng.choice([["stop", "-t", "0"], ["rm", "-sf"], ["kill"], ["restart", "-t", "0"], ["stop", "-t", "0"]]) + [rng.choice(plain)]]

    def options(self, rng):
        plain = sorted(n for n in self.services if not self.is_job(n))
        options = ["--remove-orphans"] if rng.random() < 0.5 else []
        options += rng.choice([[]] * 7 + [["--force-recreate"], ["--no-recreate"]])
        if rng.random() < 0.2:
            options += rng.sample(plain, 1) + (["--no-deps"] if rng.random() < 0.3 else [])
        return options

    def write(self, folder):
        for name, text in self.files.items():
            (folder / name).write_text(text + "\n")
        document = {"services": copy.deepcopy(self.services)}
        networks = {n for s in self.services.values() for n in s.get("networks", [])}
        volumes = {m.split(":")[0] for s in self.services.values() for m in s.get("volumes", []) if m[0] not in "/."}
        if networks:
            document["networks"] = {n: {} for n in sorted(networks)}
        if volumes:
            document["volumes"] = {v: {} for v in sorted(volumes)}
        document["configs"] = {"app": {"file": "./app.conf"}}
        document["secrets"] = {"key": {"file": "./key"}}
        (folder / "compose.yaml").write_text(json.dumps(document, indent=1))


# --- what a service may have; each makes it another one, or takes it away ---

def toggled(service, key, value):
    if service.get(key) == value:
        del service[key]
    else:
        service[key] = value


def environment(project, service, rng):
    values = service.setdefault("environment", {})
    key = rng.choice("ABC")
    if key in values and rng.random() < 0.3:
        del values[key]
    else:
        values[key] = f"{project.fresh()} $$x 'y'"


def env_file(project, service, rng):
    toggled(service, "env_file", ["vars.env"])


def command(project, service, rng):
    service["command"] = rng.choice(COMMANDS)


def labels(project, service, rng):
    service["labels"] = {rng.choice(["com.example.a", "b"]): str(project.fresh())}


def networks(project, service, rng):
    service["networks"] = sorted(rng.sample(["front", "back", "side"], rng.randint(1, 2)))


def volumes(project, service, rng):
    service["volumes"] = [f"{rng.choice(['data', 'more'])}:/{rng.choice('xyz')}", "./app.conf:/bound:ro"][:rng.randint(1, 2)]


def anonymous(project, service, rng):
    toggled(service, "tmpfs", ["/scratch"])


def ports(project, service, rng):
    service["ports"] = [f"{21000 + project.fresh()}:{rng.choice([80, 81])}"]


def healthcheck(project, service, rng):
    service["healthcheck"] = {"test": ["CMD", "true"], "interval": f"{rng.randint(5, 30)}s", "start_interval": "1s"}


def replicas(project, service, rng):
    service["scale"] = rng.randint(1, 3)


def rolling(project, service, rng):
    toggled(service, "deploy", {"update_config": {"order": rng.choice(["start-first", "stop-first"]), "monitor": "0s"}})


def configs(project, service, rng):
    toggled(service, "configs", ["app"])


def secrets(project, service, rng):
    toggled(service, "secrets", [{"source": "key", "mode": 0o400}])


def cap_drop(project, service, rng):
    service["cap_drop"] = rng.sample(CAPABILITIES, rng.randint(1, 3))


def hostname(project, service, rng):
    service["hostname"] = f"h{project.fresh()}"


def init(project, service, rng):
    service["init"] = not service.get("init", False)


def restart(project, service, rng):
    service["restart"] = rng.choice(["no", "always", "unless-stopped", "on-failure:3"])


def limits(project, service, rng):
    service["mem_limit"] = f"{rng.choice([32, 64, 128])}m"


def probe(project, service, rng):
    toggled(service, "x-davit", {"on_unhealthy": "restart"})


ATTRIBUTES = (environment, environment, env_file, command, labels, networks, volumes, anonymous, ports, healthcheck, replicas, rolling, configs, secrets,
              cap_drop, hostname, init, restart, limits, probe)
