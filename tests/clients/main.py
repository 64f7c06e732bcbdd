"""Starts a sandbox with TLS and holds it against clients that others wrote.

    main.py PROGRAM CLIENTS [PART…]    CLIENTS is the folder in which venv and node were made
"""

import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def main(program, clients, *only):
    python = os.path.join(clients, "venv", "bin", "python")
    parts = {
        "msal": [python, "with_msal.py"],
        "azure-identity": [python, "with_azure_identity.py"],
        "msgraph-sdk": [python, "with_msgraph_sdk.py"],
        "@microsoft/microsoft-graph-client": ["node", "with_graph_client.mjs"],
        "the requests of ShareFile's SDKs": [python, "with_sharefile.py"],
    }
    certificate = os.path.join(HERE, "..", "fixtures", "certificate", "certificate.pem")
    sandbox = subprocess.Popen(
        [program, "sandbox", "--tls", "--json", "--users", "250", "--groups", "12"]
        + ["--listen", "127.0.0.1:0", "--certificate", certificate],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = sandbox.stdout.readline()
        authority = json.loads(line)["ca_file"]
        environment = os.environ | {
            "SANDBOX": line,
            "CLIENTS": clients,
            "PYTHON": python,
            # Python's own ssl and httpx; requests; Node.
            "SSL_CERT_FILE": authority,
            "REQUESTS_CA_BUNDLE": authority,
            "NODE_EXTRA_CA_CERTS": authority,
            # Not into the tree.
            "PYTHONPYCACHEPREFIX": os.path.join(clients, "pycache"),
        }
        # A proxy of the machine has no business with a sandbox on it.
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            environment.pop(name, None)
        for name, command in parts.items():
            if only and name not in only:
                continue
            print(f"  {name}", flush=True)
            began = time.monotonic()
            ended = subprocess.run(command, cwd=HERE, env=environment, timeout=300, check=False)
            if ended.returncode != 0:
                sys.exit(f"{name}: FAILED ({ended.returncode})")
            print(f"  {name}: passed in {time.monotonic() - began:.1f} s", flush=True)
    finally:
        sandbox.terminate()
        sandbox.wait()
    print("Some parts passed." if only else f"All {len(parts)} parts passed.")


if __name__ == "__main__":
    main(*sys.argv[1:])
