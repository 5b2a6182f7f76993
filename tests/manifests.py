#!/usr/bin/env python3
"""Holds what runs the daemon elsewhere against the schemas that packages carry: compose, Kubernetes, Terraform.

Needs the packages check-jsonschema, kubernetes-validate and python-hcl2, and the program itself:

    tests/manifests.py target/debug/callback-prioritizer

The Terraform providers cannot be had without their registry, so of Terraform only the syntax is checked, that permissions are
those that the README names, and that the event bus lets through what the daemon understands.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import hcl2
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(sys.executable).parent
RESTRICTED = "what the Pod Security Standard `restricted` asks for"


def run(*command, **more):
    """Runs a command, which must be content."""
    print("+", *command, flush=True)
    subprocess.run(command, check=True, **more)


def must(so, sentence):
    """Ends with a sentence unless it is so."""
    if not so:
        sys.exit(f"refused: {sentence}")


def compose():
    """The compose file, by the specification's schema."""
    file = ROOT / "config/compose.yaml"
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)


def kubernetes(program):
    """Both manifests, by the schemas of Kubernetes; their pods, by the standard; their settings, by the program itself."""
    one, several = (documents(name) for name in ("kubernetes.yaml", "kubernetes-replicas.yaml"))
    deployment = one["Deployment"]["spec"]
    must(deployment["replicas"] == 1, "more than one daemon on one journal")
    must(deployment["strategy"] == {"type": "Recreate"}, "two daemons on one journal while it is replaced")
    replicas = several["StatefulSet"]["spec"]
    must(2 <= replicas["replicas"] <= 5, "not as many replicas as there may be")
    names = replicas["selector"]["matchLabels"]
    must(several["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == names, "a budget for other pods")
    for spec in (deployment, replicas):
        must(spec["template"]["metadata"]["labels"].items() >= spec["selector"]["matchLabels"].items(), "no such pods")
        confined(program, spec["template"]["spec"])
    accepted(program, one["ConfigMap"]["data"]["settings.toml"])
    told = re.findall(r"-- \\\n  /callback-prioritizer (.+)", (ROOT / "README.md").read_text())
    must(told, "the README asks nothing in a pod")
    for words in told:
        # Without them a pod does not find a journal in a database.
        must("--config /etc/callback-prioritizer/settings.toml" in words, f"{words}: without the settings")
        run(program, *words.split(), "--help", stdout=subprocess.DEVNULL)

    settings = several["ConfigMap"]["data"]["settings.toml"]
    mounts = replicas["template"]["spec"]["containers"][0]["volumeMounts"]
    folder = next(mount["mountPath"] for mount in mounts if mount["name"] == "journal")
    with tempfile.NamedTemporaryFile("w") as password:
        password.write("secret")
        password.flush()
        must(f"{folder}/password" in settings, "the password is mounted elsewhere")
        accepted(program, settings.replace(f"{folder}/password", password.name))


def documents(name):
    """The documents of a manifest, by kind."""
    file = ROOT / "config" / name
    run(BIN / "kubernetes-validate", "--strict", file)
    return {document["kind"]: document for document in yaml.safe_load_all(file.read_text())}


def confined(program, pod):
    """A pod may do nothing that it need not, and its probes are commands that there are."""
    context = pod["securityContext"]
    must(context["runAsNonRoot"] and context["seccompProfile"]["type"] == "RuntimeDefault", RESTRICTED)
    for container in pod["containers"]:
        context = container["securityContext"]
        must(context["allowPrivilegeEscalation"] is False, RESTRICTED)
        must(context["capabilities"] == {"drop": ["ALL"]}, RESTRICTED)
        must(context["readOnlyRootFilesystem"], "the root file system can be written")
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            words = container[probe]["exec"]["command"]
            # Understood to the last word, which is asked before anything is done.
            run(program, *words[1:], "--help", stdout=subprocess.DEVNULL)


def accepted(program, settings):
    """Settings that the program takes."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as written:
        written.write(settings)
        written.flush()
        secrets = {"GENESYSCLOUD_OAUTHCLIENT_ID": "id", "GENESYSCLOUD_OAUTHCLIENT_SECRET": "secret"}
        run(program, "check", "--config", written.name, env=secrets)


def terraform():
    """The syntax, and the permissions against the README's."""
    written = set()
    with open(ROOT / "config/terraform/main.tf", encoding="utf-8") as file:
        document = hcl2.load(file)
    for resource in document["resource"]:
        for role in resource.get('"genesyscloud_auth_role"', {}).values():
            for policy in role["permission_policies"]:
                for action in policy["action_set"]:
                    parts = (policy["domain"], policy["entity_name"], action)
                    written.add(":".join(part.strip('"') for part in parts))
    named = set(re.findall(r"^\| `(\w+:\w+:\w+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    print("permissions:", *sorted(written))
    must(len(named) >= 4, "the README names no permissions")
    must(written == named, f"Terraform and the README differ in {sorted(written ^ named)}")


def plain(value):
    """A value of HCL without the quotes that its texts carry."""
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.strip('"') if isinstance(value, str) else value


def blocks(document, kind, of):
    """The blocks of this kind and type, by name."""
    found = {}
    for block in plain(document[kind]):
        found.update(block.get(of, {}))
    return found


def events():
    """The queue's rule against the daemon's own fixture, and what may be done with it against the README."""
    with open(ROOT / "config/terraform/events/main.tf", encoding="utf-8") as file:
        document = hcl2.load(file)
    rule = blocks(document, "resource", "aws_cloudwatch_event_rule")["callbacks"]["event_pattern"]
    fixture = json.loads((ROOT / "tests/fixtures/eventbridge.acd.start.CONSTRUCTED.json").read_text())
    for word in (fixture["detail-type"], fixture["detail-type"].replace("start", "end"), "CALLBACK"):
        must(f'"{word}"' in rule, f"the rule lets no {word} through")
    queues = blocks(document, "resource", "aws_sqs_queue")
    must("aws_sqs_queue.dead_letters.arn" in queues["events"]["redrive_policy"], "the queue has no dead letters")
    policies = blocks(document, "data", "aws_iam_policy_document")
    (writer,) = policies["writer"]["statement"]
    must(writer["condition"][0]["variable"] == "aws:SourceArn", "anybody's rule may fill the queue")
    (reader,) = policies["reader"]["statement"]
    named = set(re.findall(r"`(sqs:\w+)`", (ROOT / "README.md").read_text()))
    print("permissions:", *sorted(reader["actions"]))
    must(set(reader["actions"]) == named, "Terraform and the README differ in what the daemon may do with the queue")


if __name__ == "__main__":
    must(len(sys.argv) == 2, "expected the program")
    compose()
    kubernetes(str(pathlib.Path(sys.argv[1]).resolve()))
    terraform()
    events()
