//! The command as a process: its signals, and its exit code.

use std::io;
use std::process::ExitStatus;

use log_io::outcome::Exit;
use tokio::process::Child;

/// Waits for the command, and passes on the signals that are meant for it.
#[cfg(unix)]
pub async fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    use rustix::process::{Pid, Signal, kill_process};
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    loop {
        let passed_on = tokio::select! {
            status = child.wait() => return status,
            _ = terminate.recv() => Signal::TERM,
            _ = hang_up.recv() => Signal::HUP,
            // A terminal sends these to the command as well; twice would mean more.
            _ = interrupt.recv() => if is_terminals() { continue } else { Signal::INT },
            _ = quit.recv() => if is_terminals() { continue } else { Signal::QUIT },
        };
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            // It may have ended meanwhile; that is seen above.
            let _ = kill_process(id, passed_on);
        }
    }
}

/// Waits until somebody wants this process to end, after the command has: what listens for
/// its signals keeps them from ending it by themselves.
#[cfg(unix)]
pub async fn interrupted() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hang_up.recv() => {}
        _ = quit.recv() => {}
    }
    Ok(())
}

/// Elsewhere the system does what is to be done.
#[cfg(not(unix))]
pub async fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    child.wait().await
}

/// Elsewhere the system ends it.
#[cfg(not(unix))]
pub async fn interrupted() -> io::Result<()> {
    std::future::pending().await
}

/// The exit code of the command, as shells have it: 128 and the number of a signal.
pub fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    let code = status.code().unwrap_or(i32::from(Exit::Failed.code()));
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// Whether this process is in the foreground of its terminal, whose keys then signal the
/// command, too.
#[cfg(unix)]
fn is_terminals() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    let foreground = terminal.ok().and_then(|terminal| rustix::termios::tcgetpgrp(&terminal).ok());
    foreground == Some(rustix::process::getpgrp())
}
