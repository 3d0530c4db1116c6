"""An OAuth 1.0a provider of oauthlib, in Twitter's place: its sign-in and one call of a person. It has one application, and one person
who agrees to everything. It prints its port."""

import json
import os
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, make_server

from oauthlib.oauth1 import RequestValidator, WebApplicationServer

KEY, SECRET = os.environ["CONSUMER_KEY"], os.environ["CONSUMER_SECRET"]
CALLBACK = os.environ["CALLBACK"]
PERSON = {"user_id": "783214", "screen_name": "oauthlib"}


class Rules(RequestValidator):
    """What an application must know, and what was given to it."""

    enforce_ssl = False
    dummy_client = dummy_request_token = dummy_access_token = "nobody"
    requests, accesses, verifiers, nonces = {}, {}, {}, set()

    # The client's nonces, and Twitter's tokens, have other characters and lengths than oauthlib's own.
    def check_nonce(self, nonce):
        return len(nonce) >= 16

    check_client_key = check_request_token = check_access_token = check_verifier = check_nonce

    def check_realms(self, realms):
        return not realms

    def get_default_realms(self, key, request):
        return []

    def get_realms(self, token, request):
        return []

    def validate_requested_realms(self, key, realms, request):
        return True

    def validate_realms(self, key, token, request, uri=None, realms=None):
        return True

    def verify_realms(self, token, realms, request):
        return True

    def validate_client_key(self, key, request):
        return key == KEY

    def get_client_secret(self, key, request):
        return SECRET

    def validate_redirect_uri(self, key, uri, request):
        return uri == CALLBACK

    def validate_timestamp_and_nonce(
        self, key, timestamp, nonce, request, request_token=None, access_token=None
    ):
        fresh = (timestamp, nonce) not in self.nonces
        self.nonces.add((timestamp, nonce))
        return fresh

    def save_request_token(self, token, request):
        self.requests[token["oauth_token"]] = token["oauth_token_secret"]

    def verify_request_token(self, token, request):
        return token in self.requests

    def get_redirect_uri(self, token, request):
        return CALLBACK

    def save_verifier(self, token, verifier, request):
        self.verifiers[token] = verifier["oauth_verifier"]

    def validate_request_token(self, key, token, request):
        return token in self.requests

    def validate_verifier(self, key, token, verifier, request):
        return self.verifiers.get(token) == verifier

    def get_request_token_secret(self, key, token, request):
        return self.requests.get(token, "nothing")

    def invalidate_request_token(self, key, token, request):
        del self.requests[token]

    def save_access_token(self, token, request):
        self.accesses[token["oauth_token"]] = token["oauth_token_secret"]

    def validate_access_token(self, key, token, request):
        return token in self.accesses

    def get_access_token_secret(self, key, token, request):
        return self.accesses.get(token, "nothing")


server = WebApplicationServer(Rules())


def call(environment):
    """The parts of a request, as oauthlib wants them."""
    path, query = environment["PATH_INFO"], environment["QUERY_STRING"]
    uri = f"http://{environment['HTTP_HOST']}{path}" + (f"?{query}" if query else "")
    headers = {
        "Authorization": environment.get("HTTP_AUTHORIZATION", ""),
        "Content-Type": environment.get("CONTENT_TYPE", ""),
    }
    return uri, environment["REQUEST_METHOD"], "", headers


def answer(environment):
    uri, method, body, headers = call(environment)
    path = environment["PATH_INFO"]
    if path == "/oauth/request_token":
        return server.create_request_token_response(uri, method, body, headers)
    if path == "/oauth/authorize":
        # A browser: it has a query instead of a header.
        return server.create_authorization_response(uri, method, body, {}, realms=[])
    if path == "/oauth/access_token":
        return server.create_access_token_response(uri, method, body, headers, credentials=dict(PERSON))
    if path == "/2/users/me":
        signed, _ = server.validate_protected_resource_request(uri, method, body, headers)
        if not signed:
            return {}, "", 401
        fields = parse_qs(environment["QUERY_STRING"])["user.fields"]
        person = {"id": PERSON["user_id"], "username": PERSON["screen_name"], "name": "A Person"}
        assert "description" in fields[0]
        return {"Content-Type": "application/json"}, json.dumps({"data": person}), 200
    return {}, "", 404


def application(environment, start):
    headers, body, status = answer(environment)
    if status == 401:
        # Which of the two is wrong, X says by its codes.
        code = 32 if environment["PATH_INFO"] == "/oauth/request_token" else 89
        headers = {"Content-Type": "application/json"}
        body = json.dumps({"errors": [{"code": code, "message": "refused by oauthlib"}]})
    start(f"{status} {'OK' if status < 400 else 'Refused'}", list((headers or {}).items()))
    return [(body or "").encode()]


class Silent(WSGIRequestHandler):
    def log_message(self, *given):
        pass


listener = make_server("127.0.0.1", 0, application, handler_class=Silent)
print(listener.server_port, flush=True)
listener.serve_forever()
