//! The log's process: made, started, killed, and looked at.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context as _, bail, ensure};
use log_core::key::VerifierKey;

use super::measure::now;

/// Longest wait for a log that was told to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// A log in a directory, and its process while it runs.
#[derive(Debug)]
pub(crate) struct LogProcess {
    binary: PathBuf,
    directory: PathBuf,
    child: Option<Child>,
    /// What else it prints; open as long as it runs.
    stdout: Option<BufReader<ChildStdout>>,
    /// Where it listens; a free port at first.
    address: String,
}

impl LogProcess {
    /// Makes a log; gives its public key.
    pub(crate) fn make(directory: &Path, root: &VerifierKey) -> anyhow::Result<(Self, VerifierKey)> {
        let own = std::env::current_exe().context("where is this program?")?;
        let binary = own.with_file_name("wheeltap-log").with_extension(std::env::consts::EXE_EXTENSION);
        let missing =
            || format!("{} is missing; build it: cargo build --release --workspace", binary.display());
        ensure!(binary.is_file(), missing());
        let made = Command::new(&binary)
            .args(["init", "--origin", "bench.example", "--root", &root.to_vkey(), "--dir"])
            .arg(directory)
            .output()?;
        ensure!(made.status.success(), "cannot make a log: {}", String::from_utf8_lossy(&made.stderr));
        let key = VerifierKey::parse(String::from_utf8(made.stdout)?.trim_end())?;
        let (directory, address) = (directory.to_owned(), "127.0.0.1:0".to_owned());
        Ok((Self { binary, directory, child: None, stdout: None, address }, key))
    }

    /// Starts it; gives its URL, and how long it took until it was ready.
    pub(crate) fn start(&mut self) -> anyhow::Result<(String, Duration)> {
        let stderr = fs::OpenOptions::new().create(true).append(true).open(self.directory.join("stderr"))?;
        let start = now();
        let mut child = Command::new(&self.binary)
            .args(["serve", "--listen", &self.address, "--private-listen", "127.0.0.1:0", "--dir"])
            .arg(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("a pipe")?);
        self.child = Some(child);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let elapsed = start.elapsed();
        let Some((_, url)) = line.trim_end().rsplit_once(' ') else {
            bail!("the log did not start; {} says why", self.directory.join("stderr").display())
        };
        self.stdout = Some(stdout);
        url.trim_start_matches("http://").trim_end_matches('/').clone_into(&mut self.address);
        Ok((url.to_owned(), elapsed))
    }

    /// The process.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// SIGTERM; gives how long it took to stop.
    pub(crate) fn stop(&mut self) -> anyhow::Result<Duration> {
        let Some(mut child) = self.child.take() else { return Ok(Duration::ZERO) };
        let start = now();
        // There is no other way in the standard library.
        let sent = Command::new("kill").arg(child.id().to_string()).status()?;
        ensure!(sent.success(), "cannot tell the log to stop");
        while start.elapsed() < STOP_TIMEOUT {
            if let Some(status) = child.try_wait()? {
                ensure!(status.success(), "the log ended with {status}");
                return Ok(start.elapsed());
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.child = Some(child);
        bail!("the log does not stop")
    }
}

impl Drop for LogProcess {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.kill();
    }
}

/// What a directory takes on disk, in whole blocks, and how many files are in it.
pub(crate) fn disk_usage(directory: &Path) -> anyhow::Result<(u64, u64)> {
    let (mut bytes, mut files) = (0, 0);
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            bytes += allocated(&metadata);
            if metadata.is_dir() {
                left.push(entry.path());
            } else {
                files += 1;
            }
        }
    }
    Ok((bytes, files))
}

#[cfg(unix)]
fn allocated(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(metadata) * 512
}

#[cfg(not(unix))]
fn allocated(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}
