"""The examples of docs/stacks.md run, on our simulated engine and moto."""

from __future__ import annotations

import inspect
import json
import re

import pytest

from tests.stacks.engine import QUIET, Engine
from tests.stacks.feeds import decided, write

pytestmark = pytest.mark.filterwarnings(*QUIET)


@pytest.fixture(scope="module")
def text(root):
    return (root / "docs" / "stacks.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def examples(text):
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def test_decisions_are_read_as_the_document_reads_them(examples, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (reading,) = [one for one in examples if "load_decisions" in one]
    exec(compile(reading, "docs/stacks.md", "exec"), {})
    write(tmp_path / "decisions.json", decided("eni-1", "52.83.1.1"))
    assert capsys.readouterr().out == "stay closed\n"
    exec(compile(reading, "docs/stacks.md", "exec"), {})
    assert capsys.readouterr().out == ""


def test_the_program_closes_opens_and_closes(examples, cloud, tmp_path):
    (source,) = [one for one in examples if "WebAccess(" in one]
    main = tmp_path / "__main__.py"
    main.write_text(source, encoding="utf-8")
    path = tmp_path / "decisions.json"
    vpc = cloud.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = cloud.ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    settings = {"shop:vpc": vpc, "shop:subnet": subnet, "gatekeeper:decisions": str(path)}
    engine = Engine(cloud, config=settings)
    write(path)
    run = engine.up(main)
    assert run.outputs["opened"] == []
    write(path, decided("eni-1", run.outputs["address"]))
    assert len(engine.up(main).outputs["opened"]) == 4
    path.unlink()
    assert engine.up(main).outputs["opened"] == []


def test_every_argument_is_described(text):
    from gatekeeper.stacks import WebAccess

    arguments = set(inspect.signature(WebAccess.__init__).parameters)
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, flags=re.MULTILINE)
    described = {name for row in rows for name in re.findall(r"\w+", row)}
    assert arguments - {"self", "name", "opts", "tags"} <= described


def test_the_configuration_of_the_pack_names_its_policies(text, root):
    (block,) = re.findall(r"^```json\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    config = json.loads(block)
    pack = (root / "policies" / "crossguard" / "gate_policies.py").read_text(encoding="utf-8")
    assert set(config) == set(re.findall(r'^        name="([a-z-]+)"', pack, flags=re.MULTILINE))
    for values in config.values():
        for key in values.keys() - {"enforcementLevel"}:
            assert f'        "{key}": {{' in pack
