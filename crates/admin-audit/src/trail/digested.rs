//! Computes the digests of lines on several threads, and hands the lines out in their order.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Builder, Scope};

use crate::error::AuditError;
use crate::trail::blocks::{Block, Blocks};
use crate::trail::snapshot::Extent;

/// How many blocks a thread has at a time: one in work, and one so that it need not wait for the next.
const BLOCKS: usize = 2;

/// A thread that computes digests.
struct Worker {
    todo: SyncSender<Block>,
    done: Receiver<Block>,
}

/// Calls `each` with all blocks of some segments in their order, until it breaks. Up to `workers` threads compute the
/// digests, or this one if there are none.
///
/// # Errors
/// When a file cannot be read. All blocks before it were handed out then.
pub(super) fn digested(
    extents: &[Extent],
    workers: usize,
    mut each: impl FnMut(&Block) -> ControlFlow<()>,
) -> Result<(), AuditError> {
    thread::scope(|scope| {
        let workers: Vec<Worker> = (0..workers).map_while(|_| Worker::start(scope)).collect();
        if workers.is_empty() {
            return on_this_thread(extents, each);
        }
        let mut blocks = Blocks::of(extents);
        let mut end = None;
        // Each of n workers gets every n-th block, so the order in which to collect them is known.
        let (mut sent, mut received) = (0, 0);
        loop {
            while end.is_none() && sent - received < workers.len() * BLOCKS {
                match blocks.next() {
                    Some(Ok(block)) => {
                        let taken = workers[sent % workers.len()].todo.send(block);
                        taken.expect("a worker outlives its channels");
                        sent += 1;
                    }
                    Some(Err(error)) => end = Some(Err(error)),
                    None => end = Some(Ok(())),
                }
            }
            if received == sent {
                return end.unwrap_or(Ok(()));
            }
            let block = workers[received % workers.len()].done.recv();
            received += 1;
            if each(&block.expect("a worker outlives its channels")).is_break() {
                return Ok(());
            }
        }
    })
}

fn on_this_thread(
    extents: &[Extent],
    mut each: impl FnMut(&Block) -> ControlFlow<()>,
) -> Result<(), AuditError> {
    for block in Blocks::of(extents) {
        let mut block = block?;
        block.digest();
        if each(&block).is_break() {
            break;
        }
    }
    Ok(())
}

impl Worker {
    /// Starts a thread, which ends when either channel is closed; returns `None` if the system has no more threads.
    fn start<'scope>(scope: &'scope Scope<'scope, '_>) -> Option<Self> {
        let (todo, blocks) = sync_channel::<Block>(BLOCKS);
        let (digested, done) = sync_channel(BLOCKS);
        let work = move || {
            for mut block in blocks {
                block.digest();
                if digested.send(block).is_err() {
                    break;
                }
            }
        };
        Builder::new().spawn_scoped(scope, work).ok()?;
        Some(Self { todo, done })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::BufRead as _;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::event::Event;
    use crate::kind::Kind;
    use crate::limits::Limits;
    use crate::trail::AuditTrail;
    use crate::trail::snapshot::extents;

    fn read(extents: &[Extent], workers: usize, most: usize) -> (Vec<Vec<u8>>, Option<AuditError>) {
        let mut found = Vec::new();
        let read = digested(extents, workers, |block| {
            for (line, _) in block.lines() {
                found.push(line.to_vec());
            }
            if found.len() < most {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        (found, read.err())
    }

    #[test]
    fn lines_keep_their_order_whatever_the_number_of_threads() {
        let home = tempfile::tempdir().unwrap();
        let limits = Limits {
            file_bytes: 300_000,
            ..Limits::default()
        };
        let mut trail = AuditTrail::open_with(home.path(), "test", limits).unwrap();
        for _ in 0..40 {
            trail
                .append_buffered(&[(); 200].map(|()| Event::new(UNIX_EPOCH, Kind::Intent)))
                .unwrap();
        }
        let extents = extents(home.path()).unwrap();
        let text: Vec<u8> = extents
            .iter()
            .flat_map(|extent| fs::read(&extent.path).unwrap())
            .collect();
        let all: Vec<Vec<u8>> = text.lines().map(|line| line.unwrap().into_bytes()).collect();
        for workers in 0..4 {
            let (found, error) = read(&extents, workers, usize::MAX);
            assert!(error.is_none());
            assert_eq!(found, all);
            let (found, _) = read(&extents, workers, 1);
            assert!(found.len() < all.len() && all.starts_with(&found));
        }
        // What is before a file that cannot be read is handed out, and may end the reading.
        fs::remove_file(&extents[2].path).unwrap();
        for workers in 0..4 {
            let (found, error) = read(&extents, workers, usize::MAX);
            assert!(matches!(error, Some(AuditError::Io { .. })));
            assert!(found.len() > 1000 && all.starts_with(&found));
            assert!(read(&extents, workers, found.len()).1.is_none());
        }
    }
}
