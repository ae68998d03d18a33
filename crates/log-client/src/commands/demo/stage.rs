//! What runs the demo's commands, prints them, and checks how they end.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use log_core::artifact::FileName;
use log_io::durable;
use log_io::fetch::Http;
use log_io::outcome::print;
use tempfile::TempDir;

/// A directory in which commands run, and the log that runs in it.
pub(super) struct Stage {
    directory: PathBuf,
    /// Deletes the directory at the end, unless it is kept.
    temporary: Option<TempDir>,
    /// Where the binaries are.
    binaries: PathBuf,
    server: Option<Child>,
    chapter: usize,
}

impl Stage {
    /// A fresh stage in `directory`, or in a temporary one.
    pub(super) fn new(directory: Option<&Path>) -> anyhow::Result<Self> {
        let (directory, temporary) = if let Some(directory) = directory {
            fs::create_dir_all(directory)?;
            ensure!(directory.read_dir()?.next().is_none(), "{} is not empty", directory.display());
            (directory.canonicalize()?, None)
        } else {
            let temporary = tempfile::Builder::new().prefix("wheeltap-demo-").tempdir()?;
            (temporary.path().to_owned(), Some(temporary))
        };
        let own = std::env::current_exe().context("where is this program?")?;
        let binaries = own.parent().context("this program is in no directory")?.to_owned();
        for name in ["wheeltap-log", "wheeltap-witness"] {
            let path = binaries.join(name).with_extension(std::env::consts::EXE_EXTENSION);
            ensure!(
                path.is_file(),
                "{} is missing; build all binaries: cargo build --release --workspace",
                path.display()
            );
        }
        let stage = Self { directory, temporary, binaries, server: None, chapter: 0 };
        print("# To repeat this by hand:");
        print(format_args!("export PATH=\"{}:$PATH\"", stage.binaries.display()));
        print("export WHEELTAP_TRUST=trust.toml WHEELTAP_STATE=state");
        print(format_args!("mkdir -p {0} && cd {0}", stage.directory.display()));
        Ok(stage)
    }

    /// Begins a part of the story.
    pub(super) fn chapter(&mut self, text: &str) {
        self.chapter += 1;
        print(format_args!("\n# {}. {text}", self.chapter));
    }

    /// Runs a command that must end with this exit code; gives its stdout.
    pub(super) fn run(&self, exit: i32, program: &str, args: &[&str]) -> anyhow::Result<String> {
        print(format_args!("$ {}", shell(program, args)));
        let stdout = self.execute(exit, program, args)?;
        if !stdout.is_empty() {
            print(stdout.trim_end());
        }
        if exit != 0 {
            print(format_args!("[exit code {exit}]"));
        }
        Ok(stdout)
    }

    /// Runs a command whose stdout goes into a file.
    pub(super) fn run_into(&self, file: &str, program: &str, args: &[&str]) -> anyhow::Result<()> {
        print(format_args!("$ {} > {file}", shell(program, args)));
        let stdout = self.execute(0, program, args)?;
        Ok(durable::write(&self.directory.join(file), stdout.as_bytes())?)
    }

    /// Starts the log; gives its URL once it is ready. The port that it was given is printed in
    /// the command, since what follows speaks of that one.
    pub(super) fn serve(&mut self, args: &[&str]) -> anyhow::Result<String> {
        let stderr = fs::File::create(self.directory.join("log.stderr"))?;
        let mut child = self.command("wheeltap-log", args).stdout(Stdio::piped()).stderr(stderr).spawn()?;
        let stdout = child.stdout.take().context("a pipe")?;
        self.server = Some(child);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let Some((_, url)) = line.trim_end().rsplit_once(' ') else {
            print(format_args!("$ {}", shell("wheeltap-log", args)));
            bail!("the log did not start: {}", fs::read_to_string(self.directory.join("log.stderr"))?)
        };
        let mut shown = args.to_vec();
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        if let Some(at) = shown.iter().position(|arg| *arg == "--listen") {
            shown.splice(at + 1..at + 2, [address]);
        }
        print(format_args!("$ {} 2> log.stderr &", shell("wheeltap-log", &shown)));
        print(line.trim_end());
        Ok(url.to_owned())
    }

    /// Downloads a file; gives its path below the directory.
    pub(super) async fn download(
        &self,
        http: &Http,
        url: &str,
        name: &FileName,
        limit: usize,
    ) -> anyhow::Result<String> {
        let path = format!("downloads/{name}");
        print(format_args!("$ {}", shell("curl", &["-sSfL", "-o", &path, url])));
        let bytes = http.get(url, limit).await?.with_context(|| format!("{url} does not exist"))?;
        durable::write(&self.directory.join(&path), &bytes)?;
        Ok(path)
    }

    /// Copies a file and changes one byte in its middle; gives the copy's path.
    pub(super) fn tamper(&self, path: &str, name: &FileName) -> anyhow::Result<String> {
        let tampered = format!("tampered/{name}");
        let mut bytes = fs::read(self.directory.join(path))?;
        let middle = bytes.len() / 2;
        // Any other value will do; printf needs it in octal.
        let byte = bytes.get_mut(middle).context("the file is empty")?;
        *byte ^= 0x20;
        let octal = format!("\\{byte:03o}");
        durable::write(&self.directory.join(&tampered), &bytes)?;
        print(format_args!("$ mkdir -p tampered && cp {path} {tampered}"));
        print(format_args!(
            "$ printf '{octal}' | dd of={tampered} bs=1 seek={middle} conv=notrunc status=none"
        ));
        Ok(tampered)
    }

    /// Leaves the log running and the directory in place.
    pub(super) fn keep(mut self) {
        if let Some(temporary) = self.temporary.take() {
            let _ = temporary.keep();
        }
        if let Some(server) = self.server.take() {
            print(format_args!(
                "The log goes on as process {}, in {}; end it with: kill {0}",
                server.id(),
                self.directory.display()
            ));
        }
    }

    fn execute(&self, exit: i32, program: &str, args: &[&str]) -> anyhow::Result<String> {
        let output = self.command(program, args).stderr(Stdio::inherit()).output()?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.code() {
            Some(code) if code == exit => Ok(stdout),
            code => bail!("`{program} {}` should end with {exit}, not {code:?}\n{stdout}", args[0]),
        }
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let path = self.binaries.join(program).with_extension(std::env::consts::EXE_EXTENSION);
        let mut command = Command::new(path);
        command
            .args(args)
            .current_dir(&self.directory)
            .env("WHEELTAP_TRUST", "trust.toml")
            .env("WHEELTAP_STATE", "state")
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // It may have ended by itself; then there is nothing to end.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// A command as one would type it.
fn shell(program: &str, args: &[&str]) -> String {
    let quote = |arg: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
        if !arg.is_empty() && arg.chars().all(plain) {
            (*arg).to_owned()
        } else {
            format!("'{}'", arg.replace('\'', "'\\''"))
        }
    };
    let args: Vec<String> = args.iter().map(quote).collect();
    format!("{program} {}", args.join(" "))
}
