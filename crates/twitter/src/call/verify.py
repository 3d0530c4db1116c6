"""Verifies the signatures of the requests on standard input with oauthlib; prints a line for each: true or false."""

import json
import sys

from oauthlib.oauth1 import RequestValidator, SignatureOnlyEndpoint


class Secrets(RequestValidator):
    """Knows the secrets, and takes every name and time: the signature decides."""

    enforce_ssl = False
    timestamp_lifetime = 10**12
    dummy_client = "nobody"

    def check_client_key(self, key):
        return True

    check_access_token = check_request_token = check_verifier = check_nonce = check_client_key

    def validate_client_key(self, key, request):
        return key == self.request["consumer"][0]

    def validate_timestamp_and_nonce(self, *given, **named):
        return True

    def get_client_secret(self, key, request):
        return self.request["consumer"][1]

    def get_access_token_secret(self, key, token, request):
        return self.request["token"][1] if token == self.request["token"][0] else "another"


secrets = Secrets()
endpoint = SignatureOnlyEndpoint(secrets)
for line in sys.stdin:
    secrets.request = request = json.loads(line)
    signed, _ = endpoint.validate_request(
        request["url"], request["method"], request["body"], request["headers"]
    )
    print(json.dumps(signed))
