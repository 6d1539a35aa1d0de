"""Deletes a trial's namespace once its owner does not renew the lease any more, or its time is over.

Counted by this machine's clock between looks: it does not matter what time the owner believes it is. While the API server
does not answer, nothing counts, for the owner cannot renew then, either.
"""

import json
import os
import ssl
import time
import urllib.error
import urllib.request

account = "/var/run/secrets/kubernetes.io/serviceaccount"
namespace = os.environ["NAMESPACE"]
lease_seconds = float(os.environ["LEASE_SECONDS"])
over_at = time.monotonic() + float(os.environ["SECONDS_LEFT"])
server = "https://%s:%s" % (os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"])
trusted = ssl.create_default_context(cafile=account + "/ca.crt")
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))


def call(method, path):
    with open(account + "/token") as token:
        headers = {"Authorization": "Bearer " + token.read()}
    request = urllib.request.Request(server + path, method=method, headers=headers)
    with direct.open(request, timeout=10) as answer:
        return json.load(answer)


def renewed():
    path = "/apis/coordination.k8s.io/v1/namespaces/%s/leases/owner" % namespace
    try:
        return call("GET", path)["spec"]["renewTime"]
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise


seen, seen_at = None, time.monotonic()
while True:
    time.sleep(2)
    try:
        now = renewed()
        if now != seen:
            seen, seen_at = now, time.monotonic()
        if time.monotonic() > min(seen_at + lease_seconds, over_at):
            print("nobody renews the lease, or the time is over", flush=True)
            call("DELETE", "/api/v1/namespaces/" + namespace)
    except (OSError, ValueError) as error:
        print(error, flush=True)
        seen_at = time.monotonic()
