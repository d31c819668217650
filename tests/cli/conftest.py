"""The command as people run it: as a process, or in this one for breadth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from typing import Any

import pytest
from boto3.session import Session

from tests.cli.world import ACCOUNT_ID, BLOG, PORTAL, SHOP


@dataclass(frozen=True)
class Outcome:
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def process(tmp_path):
    """Run ``gatekeeper`` as a process in an empty folder."""

    def run(*words, status=None, env=None, stdin=subprocess.DEVNULL, timeout=60):
        done = subprocess.run(
            [sys.executable, "-m", "gatekeeper", *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "error", **(env or {})},
            stdin=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        if status is not None:
            assert done.returncode == status, done.stderr + done.stdout
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def gatekeeper(capsys):
    """Run ``gatekeeper`` in this process."""
    from gatekeeper.__main__ import main

    def run(*words, status=None):
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err, said.err
        if status is not None:
            assert code == status, said.err + said.out
        return Outcome(code, said.out, said.err)

    return run


@pytest.fixture
def dump(tmp_path):
    """Write one account's recorded answers; gives the folder to pass as ``--dump``."""

    def write(
        account_id="111122223333",
        *,
        ip="52.83.1.2",
        cidr="0.0.0.0/0",
        port=80,
        description="web",
        complete=True,
        leave_out=(),
    ):
        answers = {
            "describe-security-groups": {
                "SecurityGroups": [
                    {
                        "GroupId": "sg-1",
                        "GroupName": "web",
                        "VpcId": "vpc-1",
                        "OwnerId": account_id,
                        "Description": "web",
                        "IpPermissions": [
                            {
                                "IpProtocol": "tcp",
                                "FromPort": port,
                                "ToPort": port,
                                "IpRanges": [{"CidrIp": cidr, "Description": description}],
                            }
                        ],
                        "IpPermissionsEgress": [],
                    }
                ]
            },
            "describe-network-interfaces": {
                "NetworkInterfaces": [
                    {
                        "NetworkInterfaceId": "eni-1",
                        "VpcId": "vpc-1",
                        "Description": description,
                        "InterfaceType": "interface",
                        "OwnerId": account_id,
                        "RequesterManaged": False,
                        "Groups": [{"GroupId": "sg-1", "GroupName": "web"}],
                        "PrivateIpAddresses": [
                            {
                                "PrivateIpAddress": "10.0.0.1",
                                "Primary": True,
                                "Association": {
                                    "PublicIp": ip,
                                    "IpOwnerId": account_id,
                                    "AllocationId": "eipalloc-1",
                                },
                            }
                        ],
                        "Ipv6Addresses": [],
                        "Status": "in-use",
                    }
                ]
            },
            "describe-vpcs": {"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]},
            "describe-addresses": {
                "Addresses": [
                    {
                        "PublicIp": ip,
                        "AllocationId": "eipalloc-1",
                        "AssociationId": "eipassoc-1",
                        "NetworkInterfaceId": "eni-1",
                        "PrivateIpAddress": "10.0.0.1",
                    }
                ]
            },
        }
        folder = tmp_path / "dump" / account_id
        folder.mkdir(parents=True)
        for name, answer in answers.items():
            if name not in leave_out:
                (folder / f"{name}.json").write_text(json.dumps(answer), encoding="utf-8")
        if complete:
            (folder / "complete").touch()
        return folder.parent

    return write


@pytest.fixture
def filings(tmp_path):
    """Write a table of applications; rows are ``{column: value}`` over a common one."""
    common = {
        "application_id": "A1",
        "filing_id": "F1",
        "kind": "new",
        "status": "approved",
        "status_at": "2026-03-01T10:00:00+08:00",
        "entity_name": "宁夏示例科技有限公司",
        "service_type": "website",
        "service_name": "示例网",
        "service_licence": "宁ICP备2026000001号-1",
        "domains": "example.cn",
        "account_id": "111122223333",
        "load_balancer": "",
        "ips": "52.83.1.2",
    }

    def write(*rows, name="filings.csv"):
        import csv

        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as stream:
            table = csv.DictWriter(stream, list({**common, **{k: 0 for r in rows for k in r}}))
            table.writeheader()
            table.writerows({**common, **row} for row in rows or ({},))
        return path

    return write


@pytest.fixture
def box(monkeypatch, filings, moto_server):
    """An embedded account, the environment that leads to it, and filings for it.

    Shop and blog share a wide group, the portal has a narrow one; the blog is not filed.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server)
    urllib.request.urlopen(f"{moto_server}/moto-api/reset", data=b"", timeout=5).close()
    ec2 = Session(region_name="cn-northwest-1").client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.0.0/24")["Subnet"]["SubnetId"]

    def group(name, low, high, cidr):
        made = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=made,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": low,
                    "ToPort": high,
                    "IpRanges": [{"CidrIp": cidr}],
                }
            ],
        )
        return made

    wide, narrow = group("web-wide", 0, 65535, "0.0.0.0/0"), group("ssh", 22, 22, "203.0.113.0/24")
    for ip, held in ((SHOP, wide), (BLOG, wide), (PORTAL, narrow)):
        made = ec2.create_network_interface(SubnetId=subnet, Groups=[held])["NetworkInterface"]
        address = ec2.allocate_address(Domain="vpc", Address=ip)["AllocationId"]
        ec2.associate_address(AllocationId=address, NetworkInterfaceId=made["NetworkInterfaceId"])
    filings(
        {"application_id": "A-shop", "filing_id": "F-shop", "account_id": ACCOUNT_ID, "ips": SHOP},
        {
            "application_id": "A-portal",
            "filing_id": "F-portal",
            "service_licence": "宁ICP备2026000001号-2",
            "account_id": ACCOUNT_ID,
            "ips": PORTAL,
        },
    )
    return ec2


@pytest.fixture
def filed(box, gatekeeper):
    gatekeeper("filings", "import", "filings.csv", status=0)
    return box
