//! nginx on the log's public directory, for comparison: it serves files as fast as any.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context as _, bail};

/// A running nginx; it stops when dropped.
#[derive(Debug)]
pub(super) struct Nginx {
    child: Child,
    /// Its URL.
    pub(super) url: String,
}

impl Nginx {
    /// Starts it on a free port; `None` when it is not installed. What it writes goes into
    /// `scratch`.
    pub(super) fn start(root: &Path, scratch: &Path) -> anyhow::Result<Option<Self>> {
        let found = Command::new("nginx").arg("-v").stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        fs::create_dir_all(scratch)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let configuration = scratch.join("nginx.conf");
        fs::write(&configuration, text(root, scratch, port))?;
        let child = Command::new("nginx")
            .arg("-p")
            .arg(scratch)
            .arg("-c")
            .arg(&configuration)
            .arg("-e")
            .arg(scratch.join("error.log"))
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start nginx")?;
        let nginx = Self { child, url: format!("http://127.0.0.1:{port}/") };
        for _ in 0..100 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(Some(nginx));
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("nginx does not answer; {} says why", scratch.join("error.log").display())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its master ends its workers when it is told to stop; killed, it could not.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn text(root: &Path, scratch: &Path, port: u16) -> String {
    let (root, scratch) = (root.display(), scratch.display());
    format!(
        "daemon off;
worker_processes auto;
pid {scratch}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=1000;
    keepalive_requests 100000000;
    client_body_temp_path {scratch}/body;
    proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi;
    uwsgi_temp_path {scratch}/uwsgi;
    scgi_temp_path {scratch}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        root {root};
        location / {{
            default_type application/octet-stream;
            add_header Cache-Control \"public, max-age=604800, immutable\";
            add_header Access-Control-Allow-Origin *;
        }}
    }}
}}
"
    )
}
