#!/usr/bin/python3
"""OpenStack Swift with its S3 API, in one process: proxy, account, container and object
servers of one device, for t/e2e/s3.  openstack.py FOLDER PORT USER KEY, where
USER is ACCOUNT_NAME and signs as ACCOUNT:NAME; there is no bucket.  Needs python3-swift alone."""

import os
import sys

import eventlet
import eventlet.wsgi

eventlet.monkey_patch(thread=False)

from swift.common.ring import RingBuilder      # noqa: E402
from swift.common.wsgi import loadapp          # noqa: E402

SERVER = """
[DEFAULT]
devices = {folder}/devices
mount_check = false
swift_dir = {folder}
log_level = ERROR
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""

PROXY = """
[DEFAULT]
swift_dir = {folder}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors gatekeeper bulk s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
storage_domain = localhost
cors_preflight_allow_origin = http://localhost:3000
[filter:tempauth]
use = egg:swift#tempauth
user_{user} = {key} .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


class Cache:
    """What tempauth wants of memcached."""

    def __init__(self):
        self.values = {}

    def get(self, key, raise_on_error=False, **_):
        return self.values.get(key)

    def set(self, key, value, **_):
        self.values[key] = value

    def delete(self, key, **_):
        self.values.pop(key, None)

    def incr(self, key, delta=1, **_):
        self.values[key] = self.values.get(key, 0) + int(delta)
        return self.values[key]


def cached(app, cache):
    def call(environ, start_response):
        environ["swift.cache"] = cache
        return app(environ, start_response)
    return call


def ring(folder, name, port):
    builder = RingBuilder(4, 1, 0)
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1", "port": port, "device": "d",
                     "meta": "", "replication_ip": "127.0.0.1", "replication_port": port})
    builder.rebalance()
    builder.get_ring().save(os.path.join(folder, name + ".ring.gz"))


def main(folder, port, user, key):
    os.makedirs(os.path.join(folder, "devices", "d"), exist_ok=True)
    with open(os.path.join(folder, "swift.conf"), "w") as f:
        f.write("[swift-hash]\nswift_hash_path_suffix = test\n[storage-policy:0]\nname = one\ndefault = yes\n")
    # read when the modules below are loaded
    from swift.common import storage_policy, utils
    utils.SWIFT_CONF_FILE = os.path.join(folder, "swift.conf")
    utils.validate_hash_conf()
    storage_policy.reload_storage_policies()

    sockets = {"proxy": eventlet.listen(("127.0.0.1", port))}
    for kind in ("account", "container", "object"):
        sockets[kind] = eventlet.listen(("127.0.0.1", 0))
        ring(folder, kind, sockets[kind].getsockname()[1])

    servers = []
    for kind, listener in sockets.items():
        path = os.path.join(folder, f"{kind}-server.conf")
        with open(path, "w") as f:
            f.write((PROXY if kind == "proxy" else SERVER).format(folder=folder, kind=kind, user=user,
                                                                     key=key))
        servers.append(eventlet.spawn(eventlet.wsgi.server, listener, cached(loadapp(path), Cache()), open(os.devnull, "w"),
                                      custom_pool=eventlet.GreenPool(64), minimum_chunk_size=16))
    for server in servers:
        server.wait()


main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
