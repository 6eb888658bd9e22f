"""verify/verify.js in a real browser, on a page that holds no more than it asks for."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.verify.conftest import CHECKOUT, EVIDENCE, PROOFS, consents_rpc, rpc

__all__ = ["consents_rpc", "rpc"]

pytestmark = pytest.mark.journey

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Check a proof</title>
<div id="verify" data-rpc-url="{rpc}" data-contract="{contract}" data-consent-registry="{consents}">
  <div id="verify-drop"><label for="verify-file">Proof</label><input type="file" id="verify-file"></div>
  <div id="verify-result" aria-live="polite"></div>
</div>
<script type="module" src="/verify.js"></script>
</html>"""
CASES = {case["name"]: case["proof"] for case in PROOFS["cases"]}
CONSENTS = {case["name"]: case["evidence"] for case in EVIDENCE["cases"]}


@pytest.fixture(scope="session")
def site(rpc, consents_rpc):
    """A page of somebody's, from a server of their own: a browser asks no node from a page without one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/verify.js":
                body, kind = (CHECKOUT / "verify/verify.js").read_bytes(), "text/javascript"
            else:
                # Proofs and consents stand on two chains here, and a page asks one node.
                page = PAGE.format(
                    rpc=consents_rpc if self.path == "/consents" else rpc,
                    contract=PROOFS["chain"]["contract"],
                    consents=EVIDENCE["chain"]["contract"],
                )
                body, kind = page.encode(), "text/html"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            asked = f"connect-src {rpc} {consents_rpc}"
            self.send_header("Content-Security-Policy", f"default-src 'none'; script-src 'self'; {asked}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    # Only on localhost does a browser let a page without TLS hash.
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class TestStranger:
    @pytest.fixture
    def page(self, chromium, site):
        context = chromium.new_context()
        page = context.new_page()
        complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(site)
        yield page
        context.close()
        assert [said for said in complaints if "favicon" not in said] == []

    def when_they_choose(self, page, text):
        content = text if isinstance(text, bytes) else text.encode()
        page.set_input_files(
            "#verify-file", {"name": "proof.json", "mimeType": "application/json", "buffer": content}
        )

    def when_they_drop(self, page, text):
        page.evaluate(
            """(text) => {
                const files = new DataTransfer();
                files.items.add(new File([text], "proof.json"));
                const drop = document.getElementById("verify-drop");
                drop.dispatchEvent(new DragEvent("dragover", { dataTransfer: files, cancelable: true }));
                drop.dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));
            }""",
            text,
        )

    def then_they_read(self, page, state, sentence):
        page.wait_for_selector(f"#verify-result[data-state={state}]")
        assert sentence in page.inner_text("#verify-result h2")

    def test_chooses_a_proof_and_reads_what_was_proven(self, page):
        self.when_they_choose(page, CASES["one value"])
        self.then_they_read(
            page, "proven", "/valueQuantity/value is 4.10 in version 1 of Observation potassium-1"
        )
        assert "North Hospital (number 1" in page.inner_text("#verify-result dl")

    def test_drops_a_proof_and_reads_what_was_proven(self, page):
        self.when_they_drop(page, CASES["one value"])
        self.then_they_read(page, "proven", "/valueQuantity/value is 4.10")
        assert page.get_attribute("#verify-drop", "class") == ""

    def test_changes_one_character_and_is_told_what_does_not_match(self, page):
        self.when_they_choose(page, CASES["one value"].replace("4.10", "4.11"))
        self.then_they_read(page, "refused", "/valueQuantity/value does not match what was recorded")

    def test_chooses_a_file_that_is_no_proof_and_then_one_that_is(self, page):
        self.when_they_choose(page, b"\xff\xd8\xff\xe0 a photograph")
        self.then_they_read(page, "refused", "This is neither a proof nor the evidence of a consent")
        self.when_they_choose(page, CASES["one value"])
        self.then_they_read(page, "proven", "4.10")

    def test_chooses_a_proof_of_another_contract_than_the_page_vouches_for(self, page):
        proof = json.loads(CASES["one value"])
        proof["anchor"]["contract"] = PROOFS["chain"]["registry"]
        self.when_they_choose(page, json.dumps(proof))
        self.then_they_read(page, "refused", "and not on the one that you trust")

    def test_is_not_steered_by_what_a_record_says(self, page):
        proof = json.loads(CASES["one value"])
        proof["elements"][0]["pointer"] = "<img src=x onerror=alert(1)>"
        self.when_they_choose(page, json.dumps(proof))
        self.then_they_read(page, "refused", "<img src=x onerror=alert(1)> does not match")
        assert page.locator("#verify-result img").count() == 0

    def test_chooses_a_consent_and_reads_who_was_allowed_what_and_that_it_holds(self, page, site):
        page.goto(f"{site}/consents")
        self.when_they_choose(page, CONSENTS["signed with a passkey"])
        self.then_they_read(page, "proven", 'signed that "Dr Ines Keller, South Hospital" may read "Results"')
        self.then_they_read(page, "proven", "and it is not revoked.")
        assert "https://consent.north.example" in page.inner_text("#verify-result dl")
        # The page vouches for the contract, so the reader need not compare it.
        assert "To be compared" not in page.inner_text("#verify-result dl")

    def test_chooses_a_consent_that_was_revoked_or_altered_and_is_told_which(self, page, site):
        page.goto(f"{site}/consents")
        self.when_they_choose(page, CONSENTS["that the patient revoked"])
        self.then_they_read(page, "refused", "from then on nobody may read under it")
        self.when_they_choose(page, CONSENTS["signed with a passkey"].replace("Medicines", "Everything"))
        page.wait_for_function("document.querySelector('#verify-result h2').innerText.includes('changed')")
        self.then_they_read(page, "refused", "The consent in this file was changed")
