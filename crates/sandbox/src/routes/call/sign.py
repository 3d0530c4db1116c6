"""Signs the requests on standard input with oauthlib; prints the Authorization header of each as a line of JSON."""

import json
import sys

from oauthlib.oauth1 import Client

for line in sys.stdin:
    request = json.loads(line)
    client = Client(
        *request["consumer"],
        *(request["token"] or (None, None)),
        callback_uri=request["callback"],
        verifier=request["verifier"],
        nonce=request["nonce"],
        timestamp=request["timestamp"],
    )
    headers = {"Host": request["host"]}
    if request["content_type"]:
        headers["Content-Type"] = request["content_type"]
    _, signed, _ = client.sign(
        request["scheme"] + "://" + request["host"] + request["target"],
        request["method"],
        request["body"],
        headers,
        request["realm"],
    )
    print(json.dumps(signed["Authorization"]))
