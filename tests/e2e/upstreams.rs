//! Real index servers behind the proxy: one that speaks HTML only, a cache that says little
//! in JSON, and one with URLs of its own kind. Each has the same official packages; each
//! then gets an intruder's wheel beside them.

use std::path::Path;
use std::process::Command;

use crate::clients::installers::{Asked, Client};
use crate::clients::stage::{self, is_official};
use crate::harness::{Scene, Server, free_port};
use crate::tools;

/// A directory with the official packages, and with the intruder's if that is asked for.
fn packages(scene: &Scene, name: &str, hostile: bool) -> String {
    let mut files: Vec<_> = stage::honest().remove("tap-lib").expect("a page").files;
    if hostile {
        files.push(stage::wheel_for(&stage::intruders("tap-lib", "1.1"), "1-py3-none-any"));
        files.push(stage::wheel(&stage::intruders("tap-lib", "1.2")));
    }
    for file in files {
        scene.write(&format!("{name}/{}", file.name), &file.bytes);
    }
    scene.path(name).to_str().expect("UTF-8").to_owned()
}

/// pypiserver, with a directory.
fn pypiserver(programs: &Path, directory: &str) -> Server {
    let port = free_port();
    let mut server = Command::new(programs.join("pypi-server"));
    server.args(["run", "--interface", "127.0.0.1", "--port", &port.to_string()]);
    server.args(["--disable-fallback", "--hash-algo", "sha256", "--passwords", ".", "--authenticate", "."]);
    Server::spawn(server.arg(directory), port)
}

/// proxpi, in front of another index.
fn proxpi(programs: &Path, index: &str) -> Server {
    let port = free_port();
    let mut server = Command::new(programs.join("flask"));
    server.args(["--app", "proxpi.server", "run", "--host", "127.0.0.1", "--port", &port.to_string()]);
    server.env("PROXPI_INDEX_URL", index).env_remove("PIP_INDEX_URL").env("NO_PROXY", "127.0.0.1");
    Server::spawn(&mut server, port)
}

/// devpi, with an index `root/tap` that has the files of a directory.
fn devpi(scene: &Scene, programs: &Path, name: &str, directory: &str) -> Server {
    let port = free_port();
    let home = scene.path(name);
    let init =
        Command::new(programs.join("devpi-init")).args(["--no-root-pypi", "--serverdir"]).arg(&home).output();
    assert!(init.expect("it runs").status.success(), "devpi-init");
    let mut server = Command::new(programs.join("devpi-server"));
    server.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--serverdir"]).arg(&home);
    let server = Server::spawn(&mut server, port);
    // Its own client is one more program; its interface is plain HTTP.
    let upload = "
import json, os, sys, urllib.request, base64, uuid
base, directory = sys.argv[1:]
def call(method, path, data=None, kind='application/json', token=None):
    request = urllib.request.Request(base + path, data, {'Content-Type': kind, 'Accept': 'application/json'}, method=method)
    if token:
        request.add_header('X-Devpi-Auth', token)
    return json.load(urllib.request.urlopen(request))
password = call('POST', '+login', json.dumps({'user': 'root', 'password': ''}).encode())['result']['password']
token = base64.b64encode(('root:' + password).encode()).decode()
call('PUT', 'root/tap', json.dumps({'type': 'stage', 'bases': [], 'volatile': True}).encode(), token=token)
for name in sorted(os.listdir(directory)):
    boundary = uuid.uuid4().hex
    version = name.split('-')[1].removesuffix('.tar.gz')
    kind = ('bdist_wheel', 'py3') if name.endswith('.whl') else ('sdist', 'source')
    fields = {':action': 'file_upload', 'name': 'tap-lib', 'version': version, 'filetype': kind[0], 'pyversion': kind[1], 'metadata_version': '2.1'}
    body = b''.join(f'--{boundary}\\r\\nContent-Disposition: form-data; name=\"{k}\"\\r\\n\\r\\n{v}\\r\\n'.encode() for k, v in fields.items())
    body += f'--{boundary}\\r\\nContent-Disposition: form-data; name=\"content\"; filename=\"{name}\"\\r\\nContent-Type: application/octet-stream\\r\\n\\r\\n'.encode()
    body += open(os.path.join(directory, name), 'rb').read() + f'\\r\\n--{boundary}--\\r\\n'.encode()
    try:
        call('POST', 'root/tap/', body, 'multipart/form-data; boundary=' + boundary, token)
    except json.JSONDecodeError:
        pass
";
    let done = Command::new(programs.join("python")).args(["-c", upload, &server.url, directory]).output();
    let done = done.expect("Python runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    server
}

#[test]
fn every_kind_of_index_is_verified() {
    let (Some(clients), Some(servers)) = (tools::install(tools::CLIENTS), tools::install(tools::SERVERS))
    else {
        return;
    };
    let (scene, log) = stage::log();
    for hostile in [false, true] {
        let name = if hostile { "hostile" } else { "honest" };
        let directory = packages(&scene, name, hostile);
        let html = pypiserver(&servers, &directory);
        let html_index = format!("{}simple/", html.url);
        let poor = proxpi(&servers, &html_index);
        let staged = devpi(&scene, &servers, &format!("devpi-{name}"), &directory);
        let indexes = [
            ("pypiserver", html_index),
            ("proxpi", format!("{}index/", poor.url)),
            ("devpi", format!("{}root/tap/+simple/", staged.url)),
        ];
        for (kind, index) in &indexes {
            let proxy = scene.proxy(&format!("{kind}-{name}"), index, &[]);
            for client in [Client::Pip, Client::Uv] {
                let install =
                    |requirements: &str| client.install(&clients, Asked::new(&proxy.url, requirements));
                let came = install("tap-lib==1.1");
                let installed = came.installed.get("tap-lib");
                let installed =
                    installed.unwrap_or_else(|| panic!("{kind}, {name}, {client:?}: {}", came.said));
                assert!(is_official("tap-lib", installed), "{kind}, {name}, {client:?}");
                assert!(
                    !installed.built_from_sdist && installed.version == "1.1",
                    "{kind}, {name}, {client:?}"
                );
                let came = install("tap-lib");
                if hostile {
                    assert!(came.installed.is_empty(), "{kind}, {client:?}: {:?}", came.installed);
                    assert!(came.said.contains("Wheeltap: not logged"), "{kind}, {client:?}: {}", came.said);
                } else {
                    assert_eq!(came.installed.len(), 1, "{kind}, {client:?}: {}", came.said);
                }
            }
            drop(proxy);
        }
        drop((html, poor, staged));
    }
    drop(log);
}
