//! From the start of a process, after a clean stop, to its first request.
//!
//! The process finds a listener of this program where it expects the token endpoint. The clock
//! runs from just before the process is started until the first byte of its first request has
//! arrived; the request is then passed on, so that the cycle goes on and ends as any other.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::cycles::time;
use crate::process::run;
use crate::world::World;
use crate::{median, verdict};

/// Of so many starts the middle one is shown.
const REPEATED: usize = 9;

/// Milliseconds.
const BAR: f64 = 100.0;

/// Shows how long a process takes from its start to its first request.
pub fn show(world: &World<'_>) -> Result<()> {
    let mut took = Vec::with_capacity(REPEATED);
    for _ in 0..REPEATED {
        took.push(once(world)?.as_secs_f64());
    }
    let best = took.iter().copied().fold(f64::INFINITY, f64::min);
    let middle = median(took);
    println!(
        "{:>8}  start to first request: {} (best {}), bar < {BAR} ms {}",
        world.size.people,
        time(middle),
        time(best),
        verdict(middle * 1e3, BAR)
    );
    Ok(())
}

fn once(world: &World<'_>) -> Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0").context("listening")?;
    let address = listener.local_addr().context("listening")?;
    let upstream = world.login().to_owned();
    let tap = std::thread::spawn(move || pass_on(&listener, &upstream));
    let mut command = world.sync_command();
    command.arg("--set").arg(format!("entra.cloud.login=http://{address}"));
    let started = Instant::now();
    let (status, written, _) = run(&mut command)?;
    ensure!(status.success(), "`sync` ended with {status} and wrote {written:?}");
    let arrived = tap.join().map_err(|_| anyhow::anyhow!("the listener broke"))??;
    Ok(arrived.duration_since(started))
}

/// Takes one connection, notes when its first bytes arrive, and passes everything on.
fn pass_on(listener: &TcpListener, upstream: &str) -> Result<Instant> {
    let (mut near, _) = listener.accept().context("waiting for the process")?;
    let mut buffer = [0; 16 * 1024];
    let length = near.read(&mut buffer).context("reading the first request")?;
    let arrived = Instant::now();
    let mut far = TcpStream::connect(upstream).context("connecting to the sandbox")?;
    far.write_all(buffer.get(..length).unwrap_or_default()).context("passing a request on")?;
    let (mut from_near, mut to_far) = (near.try_clone()?, far.try_clone()?);
    std::thread::spawn(move || {
        // The process may hang up whenever it likes.
        let _ = std::io::copy(&mut from_near, &mut to_far);
        let _ = to_far.shutdown(Shutdown::Both);
    });
    let _ = std::io::copy(&mut far, &mut near);
    Ok(arrived)
}
