"""`anchor` and `deploy_contracts`, as others call them."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from eth_utils import to_checksum_address

from chain.client import current_node
from chain.deployment import CONSENT_REGISTRY, OURS, contracts, institution_number
from chain.models import Deployment, Head, Leaf, Transaction
from tests.chain.conftest import OWNER


def run(*arguments):
    out = StringIO()
    code = 0
    try:
        call_command(*arguments, stdout=out)
    except SystemExit as leaving:
        code = leaving.code
    except CommandError as error:
        return error.returncode, str(error)
    return code, out.getvalue()


@pytest.fixture
def making_blocks(hospital_on_own_chain):
    """A chain that makes blocks by itself, as real ones do."""
    hospital_on_own_chain.anvil.ask("evm_setAutomine", False)
    hospital_on_own_chain.anvil.ask("anvil_setIntervalMining", 1)
    return hospital_on_own_chain


class TestAnchor:
    def test_has_nothing_to_do_in_an_empty_log(self, hospital):
        code, out = run("anchor", "--wait")

        assert code == 0
        assert "Sealed 0 leaves under 0 heads." in out

    def test_seals_and_sends_without_waiting(self, hospital):
        hospital.add_leaves(5)

        code, out = run("anchor", "--json")

        report = json.loads(out)
        assert code == 0
        assert (report["leaves"], report["heads"], report["final"]) == (5, [5], False)
        assert Leaf.objects.pending().count() == 0
        assert Transaction.objects.get().sent_at is not None

    def test_waits_until_it_is_final_and_says_what_it_took(self, making_blocks):
        making_blocks.add_leaves(100)

        code, out = run("anchor", "--wait", "--json")

        report = json.loads(out)
        assert code == 0
        assert report["final"]
        (described,) = report["transactions"]
        assert described["state"] == "final"
        assert 0 < described["gas_used"] < 120_000
        assert described["hash"] == Head.objects.get().transaction.hash

    def test_prints_it_for_people(self, making_blocks):
        making_blocks.add_leaves(3)

        code, out = run("anchor", "--wait")

        assert code == 0
        assert "Sealed 3 leaves under 1 heads." in out
        assert "gas" in out
        assert "Anchored: the log has 3 leaves, all of them final." in out

    def test_leaves_with_1_when_it_does_not_become_final(self, hospital):
        hospital.add_leaves(1)

        code, out = run("anchor", "--wait", "--timeout", "1")

        assert code == 1
        assert "not final yet" in out

    def test_leaves_with_2_when_the_node_is_away(self, hospital, settings):
        settings.CHAIN_RPC_URL = "http://127.0.0.1:1"
        hospital.add_leaves(1)

        code, out = run("anchor", "--wait")

        assert code == 2
        assert "no answer from the node" in out
        # What could be done without it was done.
        assert Head.objects.get().size == 1


class TestDeployContracts:
    @pytest.fixture(autouse=True)
    def nothing_deployed(self, hospital_on_own_chain, settings):
        for _, setting in OURS.values():
            setattr(settings, setting, "")
        return hospital_on_own_chain

    def test_makes_this_hospital_a_member(self, nothing_deployed, settings):
        code, out = run("deploy_contracts")

        assert code == 0
        where = contracts()
        assert all(address in out for _, address in where.each())
        node = current_node()
        assert institution_number(node, where) == 1
        from chain.deployment import REGISTRY

        described = node.call(REGISTRY, where.registry, "institution", 1)
        assert described[1:3] == (settings.HOSPITAL_NAME, settings.PORTAL_URL)

    def test_does_nothing_the_second_time(self, nothing_deployed):
        first = run("deploy_contracts", "--json")
        sent = Transaction.objects.count()

        assert run("deploy_contracts", "--json") == first
        assert Transaction.objects.count() == sent
        assert Deployment.objects.count() == 1

    def test_deploys_what_an_earlier_release_did_not_know(self, nothing_deployed):
        run("deploy_contracts")
        before = contracts()
        Deployment.objects.update(consent_verifier="", consent_registry="")

        assert run("deploy_contracts")[0] == 0

        after = contracts()
        assert (after.registry, after.record_log) == (before.registry, before.record_log)
        assert after.start_block == before.start_block
        assert after.consent_registry != before.consent_registry
        node = current_node()
        assert node.call(CONSENT_REGISTRY, after.consent_registry, "registry") == before.registry
        assert node.call(CONSENT_REGISTRY, after.consent_registry, "isVerifier", after.consent_verifier)
        assert Deployment.objects.count() == 1

    def test_gives_the_operator_something_to_pay_with(self, nothing_deployed):
        nothing_deployed.anvil.ask("anvil_setBalance", nothing_deployed.address, "0x0")

        assert run("deploy_contracts")[0] == 0

    def test_joins_a_registry_that_another_hospital_deployed(self, nothing_deployed, settings):
        anvil = nothing_deployed.anvil
        registry, _ = anvil.deploy("InstitutionRegistry", OWNER, owner=OWNER)
        record_log, _ = anvil.deploy("RecordLog", registry, owner=OWNER)
        settings.CHAIN_REGISTRY_ADDRESS, settings.CHAIN_RECORD_LOG_ADDRESS = registry, record_log

        code, out = run("deploy_contracts")

        assert code == 0
        assert "institution 1" in out
        assert contracts().registry == to_checksum_address(registry)
        assert contracts().consent_registry

    def test_is_refused_on_a_chain_that_others_use(self, nothing_deployed, monkeypatch):
        monkeypatch.setattr("chain.deploying.is_local", lambda node: False)

        code, out = run("deploy_contracts")

        assert code == 2
        assert "not a local one" in out

    def test_says_what_to_do_when_the_chain_has_forgotten(self, nothing_deployed):
        run("deploy_contracts")
        hospital = nothing_deployed
        head = hospital.seal(3)
        hospital.step()
        hospital.anvil.mine(3)
        hospital.step()
        hospital.follow()
        hospital.anvil.stop()
        (hospital.anvil.folder / "chain.json").unlink()
        hospital.anvil.start()

        code, out = run("deploy_contracts")
        assert code == 2
        assert "deploy_contracts --again" in out

        assert run("deploy_contracts", "--again")[0] == 0
        hospital.step()
        hospital.anvil.mine(3)
        hospital.step()
        head.refresh_from_db()
        assert head.transaction.state == "final"
        assert Leaf.objects.with_anchoring().first().anchoring.is_anchored
        hospital.follow()
        assert run("anchor", "--wait")[0] == 0
