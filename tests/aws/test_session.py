"""Who we are to AWS, and what is said where that fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from gatekeeper.aws.collect import collect, collect_many
from gatekeeper.aws.faults import failure, scrub, translate
from gatekeeper.aws.session import AccountTarget, Gateway, Patience, open_account
from gatekeeper.errors import AwsError

from .conftest import OWN_ACCOUNT, REGION, Reply, ec2_error

OTHER = "222233334444"
ROLE = f"arn:aws-cn:iam::{OTHER}:role/gatekeeper"


def test_the_callers_own_account(moto):
    with open_account(AccountTarget(), REGION) as connection:
        assert connection.account_id == OWN_ACCOUNT
        assert (connection.region, connection.partition) == (REGION, "aws-cn")


def test_a_role_leads_into_another_account(moto):
    target = AccountTarget(account_id=OTHER, role_arn=ROLE, external_id="secret-handshake")
    with open_account(target, REGION) as connection:
        assert connection.account_id == OTHER
        assert collect(connection).account_id == OTHER
        identity = connection.client("sts").get_caller_identity()
        assert identity["Arn"].endswith(f"assumed-role/gatekeeper/gatekeeper-{OTHER}")


def test_the_external_id_and_the_session_name_are_sent(script):
    script["AssumeRole"] = Reply(ec2_error("AccessDenied", "no"), 403)
    target = AccountTarget(account_id=OTHER, role_arn=ROLE, external_id="secret-handshake")
    with pytest.raises(AwsError) as caught:
        open_account(target, REGION)
    assert (caught.value.operation, caught.value.code) == ("AssumeRole", "AccessDenied")
    (query,) = script.queries
    assert query["ExternalId"] == "secret-handshake"
    assert query["RoleSessionName"] == f"gatekeeper-{OTHER}"


def test_a_role_of_another_account_than_registered(moto):
    target = AccountTarget(account_id="555566667777", role_arn=ROLE)
    (state,) = collect_many([target], REGION)
    (fault,) = state.failures
    assert fault.code == "AccountMismatch"
    assert OTHER in fault.message
    assert ROLE in fault.message


def assumed(expiry):
    return Reply(
        "<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>"
        "<AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>"
        "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
        f"<Expiration>{expiry.isoformat()}</Expiration></Credentials></AssumeRoleResult>"
        "</AssumeRoleResponse>"
    )


def test_assumed_credentials_are_renewed(script):
    now = datetime.now(UTC)
    soon, later = assumed(now + timedelta(minutes=1)), assumed(now + timedelta(hours=1))
    script.in_turn("AssumeRole", soon, later)
    target = AccountTarget(account_id=OWN_ACCOUNT, role_arn=ROLE)
    with open_account(target, REGION) as connection:
        assert collect(connection).complete
    assert script.calls["AssumeRole"] == 2


def test_credentials_that_come_expired(script):
    script["AssumeRole"] = assumed(datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(AwsError, match="renew the credentials") as caught:
        open_account(AccountTarget(account_id=OWN_ACCOUNT, role_arn=ROLE), REGION)
    assert caught.value.code == "ExpiredToken"


def test_without_credentials(script, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for target in (AccountTarget(), AccountTarget(role_arn=ROLE)):
        with pytest.raises(AwsError, match="AWS_PROFILE") as caught:
            open_account(target, REGION)
        assert caught.value.code == "NoCredentials"
        assert "凭证" in caught.value.zh
    assert not script.queries


def test_a_profile_that_does_not_exist(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(AwsError, match="nobody") as caught:
        open_account(AccountTarget(), REGION)
    assert caught.value.code == "ProfileNotFound"


def test_a_profile_is_used(script, monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_PROFILE", "ops")
    (tmp_path / "credentials").write_text(
        "[ops]\naws_access_key_id = AKIAOPS\naws_secret_access_key = x\n"
    )
    with open_account(AccountTarget(), REGION) as connection:
        assert connection.account_id == OWN_ACCOUNT


def test_nobody_listens(monkeypatch, script):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/?token=hidden")
    with pytest.raises(AwsError, match="AWS_ENDPOINT_URL") as caught:
        open_account(AccountTarget(), REGION, patience=Patience(0.2, 0.2, 2))
    assert caught.value.code == "EndpointConnection"
    assert "hidden" not in str(caught.value)


def test_an_endpoint_that_is_no_address(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(AwsError, match="nonsense"):
        open_account(AccountTarget(), REGION)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("nonsense", "BadConfiguration"),
        ("http://", "BadConfiguration"),
        ("http://127.0.0.1:99999", "BadConfiguration"),
        ("http://[::1", "BadConfiguration"),
        ("ftp://127.0.0.1", "HTTPClient"),
    ],
)
def test_a_bad_endpoint_says_what_to_do(url, code, monkeypatch, script):
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(AwsError) as caught:
        open_account(AccountTarget(), REGION, patience=Patience(0.2, 0.2, 1))
    assert caught.value.code == code
    for lang in ("en", "zh"):
        assert "AWS_ENDPOINT_URL" in caught.value.text(lang)


def test_five_attempts_five_and_thirty_seconds():
    config = Patience().config()
    assert (config.connect_timeout, config.read_timeout) == (5, 30)
    assert config.retries == {"mode": "standard", "total_max_attempts": 5}


def test_endpoints_are_regional_in_china(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session = Gateway(REGION).session()
    for service, host in (
        ("sts", "sts.cn-northwest-1.amazonaws.com.cn"),
        ("ec2", "ec2.cn-northwest-1.amazonaws.com.cn"),
        ("elbv2", "elasticloadbalancing.cn-northwest-1.amazonaws.com.cn"),
    ):
        assert session.create_client(service, region_name=REGION).meta.endpoint_url == (
            f"https://{host}"
        )


def test_a_full_client_has_every_call(moto):
    with open_account(AccountTarget(), REGION) as connection:
        full = connection.client("ec2")
        assert hasattr(full, "authorize_security_group_ingress")
        assert full is connection.client("ec2")
        assert not hasattr(connection.reader("ec2"), "authorize_security_group_ingress")
        assert full.describe_vpcs()["Vpcs"]


# --- words --------------------------------------------------------------------------------------


def client_error(code, message, operation="DescribeVpcs"):
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("https://s3.example/x?X-Amz-Signature=abcdef&X-Amz-Credential=q", "abcdef"),
        ("http://user:hunter2@proxy.example:3128/ refused", "hunter2"),
        ("the key AKIAIOSFODNN7EXAMPLE is wrong", "AKIAIOSFODNN7EXAMPLE"),
        ("x-amz-security-token:IQoJb3JpZ2luX2VjE", "IQoJb3JpZ2luX2VjE"),
        ("Encoded authorization failure message: " + "aB3-_" * 40, "aB3-_aB3"),
    ],
)
def test_secrets_are_left_out(text, hidden):
    assert hidden in text
    assert hidden not in scrub(text)


def test_words_are_kept_and_bounded():
    arn = f"arn:aws-cn:elasticloadbalancing:{REGION}:{OTHER}:loadbalancer/app/{'n' * 32}/{'0' * 16}"
    assert scrub(f"User is not allowed on {arn}").endswith(arn)
    assert len(scrub("word " * 500)) == 400


def test_a_signature_that_does_not_match_quotes_no_headers():
    error = client_error("SignatureDoesNotMatch", "It does not match.\nhost:x\nx-amz-date:y")
    fault = translate(error, "DescribeVpcs")
    assert str(fault).startswith("DescribeVpcs: SignatureDoesNotMatch: It does not match; ")
    assert "host" not in str(fault)
    assert "密钥" in fault.zh


def test_an_error_of_another_call_names_it():
    error = client_error("AccessDenied", "no", operation="AssumeRole")
    assert "AssumeRole: no" in failure(error, "DescribeVpcs").message
    assert translate(translate(error, "x"), "y").operation == "x"


def test_an_error_without_words():
    assert failure(client_error("Odd", ""), "DescribeVpcs").message == "no message"


# --- against moto -------------------------------------------------------------------------------


@pytest.fixture
def estate(moto):
    """One of most things, in moto, of the caller's account."""
    session = boto3.session.Session(region_name=REGION)
    ec2, elbv2, elb = (session.client(name) for name in ("ec2", "elbv2", "elb"))
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.9.0.0/16")
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.8.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="web", Description="front", VpcId=vpc)["GroupId"]
    prefix_list = ec2.create_managed_prefix_list(
        PrefixListName="office",
        MaxEntries=5,
        AddressFamily="IPv4",
        Entries=[{"Cidr": "203.0.113.0/24"}, {"Cidr": "198.51.100.0/24"}],
    )["PrefixList"]["PrefixListId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all & sundry"}],
                "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            },
            {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]},
            {
                "IpProtocol": "tcp",
                "FromPort": 80,
                "ToPort": 80,
                "PrefixListIds": [{"PrefixListId": prefix_list}],
            },
        ],
    )
    ec2.create_tags(Resources=[group], Tags=[{"Key": "team", "Value": "web"}])
    interface = ec2.create_network_interface(
        SubnetId=subnets[0], Groups=[group], Description="ELB app/prod/1234"
    )["NetworkInterface"]["NetworkInterfaceId"]
    address = ec2.allocate_address(Domain="vpc", Address="52.83.7.7")["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)
    ec2.allocate_address(Domain="vpc", Address="52.83.7.8")
    elbv2.create_load_balancer(Name="prod", Subnets=subnets, SecurityGroups=[group])
    bare = elbv2.create_load_balancer(Name="bare", Subnets=subnets, Type="network")
    arn = bare["LoadBalancers"][0]["LoadBalancerArn"]
    target = elbv2.create_target_group(Name="t", Protocol="TCP", Port=80, VpcId=vpc)
    elbv2.create_listener(
        LoadBalancerArn=arn,
        Protocol="TCP",
        Port=8080,
        DefaultActions=[
            {"Type": "forward", "TargetGroupArn": target["TargetGroups"][0]["TargetGroupArn"]}
        ],
    )
    elb.create_load_balancer(
        LoadBalancerName="old",
        Subnets=subnets,
        SecurityGroups=[group],
        Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}],
    )
    return {"vpc": vpc, "group": group, "interface": interface, "prefix_list": prefix_list}


def test_an_account_in_moto(estate):
    with open_account(AccountTarget(), REGION) as connection:
        state = collect(connection)
    assert state.complete, state.failures
    group = state.groups[estate["group"]]
    assert group.tag("team") == "web"
    assert sorted((rule.kind, rule.source) for rule in group.rules) == [
        ("group", estate["group"]),
        ("ipv4", "0.0.0.0/0"),
        ("ipv6", "::/0"),
        ("prefix_list", estate["prefix_list"]),
    ]
    assert "all & sundry" in {rule.description for rule in group.rules}
    assert state.prefix_lists[estate["prefix_list"]].entries == (
        "203.0.113.0/24",
        "198.51.100.0/24",
    )
    blocks = state.vpcs[estate["vpc"]].blocks
    assert blocks[:2] == ("10.8.0.0/16", "10.9.0.0/16")
    assert len(blocks) == 3
    (interface,) = (one for one in state.interfaces if one.interface_id == estate["interface"])
    assert interface.description == "ELB app/prod/1234"
    assert [one.public_ip for one in interface.associations] == ["52.83.7.7"]
    assert {one.public_ip: one.interface_id for one in state.addresses} == {
        "52.83.7.7": estate["interface"],
        "52.83.7.8": None,
    }
    balancers = {one.name: one for one in state.load_balancers}
    assert {name: str(one.type) for name, one in balancers.items()} == {
        "prod": "application",
        "bare": "network",
        "old": "classic",
    }
    assert [(one.protocol, one.port) for one in balancers["bare"].listeners] == [("TCP", 8080)]


def test_the_fast_reader_says_of_moto_what_boto3_says(estate):
    from gatekeeper.aws import answers

    with open_account(AccountTarget(), REGION) as connection:
        state = collect(connection)
    ec2 = boto3.session.Session(region_name=REGION).client("ec2")
    groups = map(answers.security_group, ec2.describe_security_groups()["SecurityGroups"])
    interfaces = map(answers.interface, ec2.describe_network_interfaces()["NetworkInterfaces"])
    addresses = map(answers.address, ec2.describe_addresses()["Addresses"])
    assert {one.group_id: one for one in groups} == state.groups
    assert tuple(interfaces) == state.interfaces
    assert tuple(addresses) == state.addresses
    assert {one.vpc_id: one for one in map(answers.vpc, ec2.describe_vpcs()["Vpcs"])} == state.vpcs
