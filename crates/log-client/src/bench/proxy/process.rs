//! The proxy's process, which ends with this.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};

/// A running `wheeltap proxy`, of this program.
#[derive(Debug)]
pub(super) struct ProxyProcess {
    child: Child,
    /// What else it prints; open as long as it runs.
    _stdout: BufReader<ChildStdout>,
    /// The URL of its Simple API.
    pub(super) url: String,
}

impl ProxyProcess {
    /// Starts one before an index, with a cache and a state of its own; the trust file is in
    /// the directory.
    pub(super) fn start(directory: &Path, name: &str, index_url: &str) -> anyhow::Result<Self> {
        let own = directory.join(name);
        fs::create_dir_all(&own)?;
        let said = own.join("stderr");
        let mut child = Command::new(std::env::current_exe().context("where is this program?")?)
            .args(["proxy", "--listen", "127.0.0.1:0", "--cache-size", "1024GiB", "--upstream", index_url])
            .arg("--cache")
            .arg(own.join("cache"))
            .arg("--state")
            .arg(own.join("state"))
            .arg("--trust")
            .arg(directory.join("trust.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&said)?)
            .spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("a pipe")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let Some((_, url)) = line.trim_end().rsplit_once(' ') else {
            let _ = child.wait();
            bail!("the proxy did not start: {}", fs::read_to_string(&said)?.trim_end())
        };
        Ok(Self { url: url.to_owned(), child, _stdout: stdout })
    }

    /// The process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for ProxyProcess {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
