"""Asks a package index for nova's page and the first file on it; says what came.

ask.py URL            an index that runs
ask.py -- COMMAND…    a proxy, which is started first and ended afterwards
"""

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url):
    request = urllib.request.Request(url, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with opener.open(request, timeout=120) as answer:
        return answer.read()


def ask(index):
    page = urllib.parse.urljoin(index, "nova/")
    try:
        files = json.loads(get(page))["files"]
        file = get(urllib.parse.urljoin(page, files[0]["url"]))
        print("answer: 200", files[0]["filename"] + ",", len(file), "bytes")
        return 0
    except urllib.error.HTTPError as error:
        print("answer:", error.code, error.reason)
        return 1


if sys.argv[1] == "--":
    with subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, text=True) as proxy:
        line = proxy.stdout.readline()
        code = ask(line.rsplit(" ", 1)[1].strip()) if line else proxy.wait()
        proxy.terminate()
    sys.exit(code)
sys.exit(ask(sys.argv[1]))
