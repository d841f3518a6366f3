//! Pages on all cores, in order.

use super::KeyringError;
use crossbeam_channel::{Sender, bounded};
use std::collections::VecDeque;
use tr::tr;

/// Jobs for which no thread is worth its while.
const FEW: usize = 4;
/// Jobs that are under way or wait for their turn, for each thread.
const AHEAD: usize = 4;

/// Does `work` on all that `next` gives (about `jobs` of them), on all cores, and gives what comes of it to `take` in
/// the same order. `next` and `take` stay on the calling thread.
///
/// # Errors
/// The first, in that order, of `next`, `work` and `take`.
pub fn in_order<J: Send, R: Send>(
    jobs: usize,
    mut next: impl FnMut() -> Result<Option<J>, KeyringError>,
    work: impl Fn(J) -> Result<R, KeyringError> + Sync,
    mut take: impl FnMut(R) -> Result<(), KeyringError>,
) -> Result<(), KeyringError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if threads == 1 || jobs <= FEW {
        while let Some(job) = next()? {
            take(work(job)?)?;
        }
        return Ok(());
    }
    std::thread::scope(|scope| {
        let (to_do, queue) = bounded::<(J, Sender<Result<R, KeyringError>>)>(threads);
        for _ in 0..threads {
            let (queue, work) = (queue.clone(), &work);
            scope.spawn(move || {
                for (job, done) in queue {
                    // Nobody may be waiting any more.
                    let _ = done.send(work(job));
                }
            });
        }
        drop(queue);
        let lost = || KeyringError::Damaged(tr!("a thread that opened its pages ended early"));
        let mut waiting = VecDeque::new();
        let mut more = true;
        loop {
            while more && waiting.len() < AHEAD * threads {
                let Some(job) = next()? else {
                    more = false;
                    break;
                };
                let (done, result) = bounded(1);
                to_do.send((job, done)).map_err(|_| lost())?;
                waiting.push_back(result);
            }
            let Some(result) = waiting.pop_front() else { return Ok(()) };
            take(result.recv().map_err(|_| lost())??)?;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_an_error_ends_it() {
        for jobs in [0u64, 3, 1000] {
            let mut left = 0..jobs;
            let mut taken = Vec::new();
            let take = |n| {
                taken.push(n);
                Ok(())
            };
            in_order(jobs as usize, || Ok(left.next()), |n| Ok(n * 2), take).unwrap();
            assert_eq!(taken, (0..jobs).map(|n| n * 2).collect::<Vec<_>>());
        }
        let mut left = 0..1000u64;
        let mut last = 0;
        let work = |n| if n == 500 { Err(KeyringError::Destroyed(n)) } else { Ok(n) };
        let ended = in_order(
            1000,
            || Ok(left.next()),
            work,
            |n| {
                last = n;
                Ok(())
            },
        );
        assert!(matches!(ended, Err(KeyringError::Destroyed(500))));
        assert_eq!(last, 499);
    }
}
