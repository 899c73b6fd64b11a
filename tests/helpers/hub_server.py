"""The Hugging Face hub as huggingface_hub 2.4 asks it, on this machine: files, and what goes wrong.

Files in large storage are redirected, as there, and named by their SHA-256; texts by git's hash.
"""

import hashlib
import json
import re
import threading
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c0ffee" + 34 * "0"
LARGE = (".pth", ".safetensors", ".bin")


class HubServer:
    """A hub that knows some repositories; published files come into them.

    Args of the constructor:
        files: Of each repository, by name.
    """

    def __init__(self, files: dict[str, dict[str, bytes]]) -> None:
        self.files = {repo: dict(contents) for repo, contents in files.items()}
        self.requests: list[str] = []
        """Methods and paths, with the range of a part."""
        self.cut_after: list[int] = []
        """How many bytes each of the next downloads gives before the connection breaks."""
        self.stall_after: int | None = None
        """After how many bytes the next download waits for ever."""
        self.wrong = False
        """Whether content is sent that has another hash than is said."""
        self.refuse = 0
        """A status with which everything is answered."""
        self.cards: list[str] = []
        self.stopped = threading.Event()
        self._uploaded: dict[str, bytes] = {}
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "HubServer":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Be there no longer."""
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def downloads(self) -> list[str]:
        """The requests for content in large storage."""
        return [request for request in self.requests if request.startswith("GET /cdn/")]


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer("HEAD")

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, method: str) -> None:
        path = self.path.split("?")[0]
        part = self.headers.get("Range", "")
        self.hub.requests.append(f"{method} {path}" + (f" {part}" if part else ""))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.hub.refuse:
            return self._send(self.hub.refuse, b"no")
        if match := re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/(\w+)/(.+)", path):
            return self._send_file(match[1], match[3])
        if match := re.fullmatch(r"/cdn/(\w+)", path):
            return self._send_large(match[1], part)
        if match := re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)(?:/revision/\w+)?", path):
            return self._send_listing(match[1])
        return self._take(path, body)

    def _send(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")  # so that a server that stops is not there
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), Content_Type="application/json")

    def _send_listing(self, repo: str) -> None:
        if repo not in self.hub.files:
            return self._send(404, b"", X_Error_Code="RepoNotFound")
        names = [{"rfilename": name} for name in self.hub.files[repo]]
        return self._send_json({"id": repo, "sha": COMMIT, "siblings": names})

    def _send_file(self, repo: str, name: str) -> None:
        content = self.hub.files.get(repo, {}).get(name)
        if content is None:
            return self._send(404, b"", X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
        size = str(len(content))
        if not name.endswith(LARGE):
            etag = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            headers = {"ETag": f'"{etag}"', "X_Repo_Commit": COMMIT, "Content_Length": size}
            return self._send(200, content, **headers)
        etag = hashlib.sha256(content).hexdigest()
        headers = {"X_Linked_Etag": f'"{etag}"', "X_Linked_Size": size, "X_Repo_Commit": COMMIT}
        return self._send(
            302, Location=f"{self.hub.url.replace('127.0.0.1', 'localhost')}/cdn/{etag}", **headers
        )

    def _send_large(self, etag: str, part: str) -> None:
        contents = (c for files in self.hub.files.values() for c in files.values())
        content = next(c for c in contents if hashlib.sha256(c).hexdigest() == etag)
        first = int(part.removeprefix("bytes=").split("-")[0]) if part else 0
        sent = content[first:]
        if self.hub.wrong:
            sent = bytes(len(sent))
        headers = {"Content_Length": str(len(sent))}
        if part:
            headers["Content_Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        if self.command == "GET" and self.hub.cut_after:
            sent = sent[: self.hub.cut_after.pop(0)]
        if self.command == "GET" and self.hub.stall_after is not None:
            sent, self.hub.stall_after = sent[: self.hub.stall_after], None
            self._send(200, sent, **headers)
            self.hub.stopped.wait()
            return
        self._send(206 if part else 200, sent, **headers)

    def _take(self, path: str, body: bytes) -> None:
        if path == "/api/repos/create":
            entry = json.loads(body)
            repo = f"{entry['organization']}/{entry['name']}"
            self.hub.files.setdefault(repo, {})
            return self._send_json({"url": f"{self.hub.url}/{repo}", "name": repo, "id": repo})
        if path == "/api/validate-yaml":
            self.hub.cards.append(json.loads(body)["content"])
            return self._send_json({"errors": [], "warnings": []})
        if match := re.fullmatch(r"/api/models/(.+)/preupload/main", path):
            files = [
                {"path": file["path"], "shouldIgnore": False,
                 "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular"}
                for file in json.loads(body)["files"]
            ]  # fmt: skip
            return self._send_json({"files": files})
        if path.endswith(".git/info/lfs/objects/batch"):
            objects = [
                {**entry, "actions": {"upload": {"href": f"{self.hub.url}/upload/{entry['oid']}"}}}
                for entry in json.loads(body)["objects"]
            ]
            return self._send_json({"objects": objects, "transfer": "basic"})
        if match := re.fullmatch(r"/upload/(\w+)", path):
            self.hub._uploaded[match[1]] = body
            return self._send(200)
        if match := re.fullmatch(r"/api/models/(.+)/commit/main", path):
            for line in map(json.loads, body.decode().splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    self.hub.files[match[1]][value["path"]] = b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    self.hub.files[match[1]][value["path"]] = self.hub._uploaded[value["oid"]]
            url = f"{self.hub.url}/{match[1]}/commit/{COMMIT}"
            return self._send_json({"success": True, "commitOid": COMMIT, "commitUrl": url})
        return self._send(404, b"", X_Error_Code="EntryNotFound")
