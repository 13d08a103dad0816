//! Figures from arrival times. Pure.

use std::time::{Duration, Instant};

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    /// Requests within the limit, as a part of what the rate allows from the first arrival on.
    pub(crate) used: f64,
    /// Requests beyond the limit.
    pub(crate) refused: usize,
    /// The most requests in any rolling second.
    pub(crate) most: usize,
}

/// Returns the figures of `rate` requests a second over `seconds`.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(crate) fn figures(arrivals: &[(Instant, bool)], rate: u32, seconds: u64) -> Figures {
    let mut times: Vec<Instant> = arrivals.iter().map(|(time, _)| *time).collect();
    times.sort_unstable();
    let end = times.first().map(|first| *first + Duration::from_secs(seconds));
    let within = arrivals
        .iter()
        .filter(|(time, within)| *within && Some(*time) < end);
    Figures {
        used: within.count() as f64 / (f64::from(rate) * seconds as f64),
        refused: arrivals.iter().filter(|(_, within)| !within).count(),
        most: most_in_a_second(&times),
    }
}

fn most_in_a_second(times: &[Instant]) -> usize {
    let (mut first, mut most) = (0, 0);
    for last in 0..times.len() {
        while times[last] - times[first] >= Duration::from_secs(1) {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

/// Returns how long after `from` it took until a whole second held at least `part` of `rate`.
pub(crate) fn recovery(
    arrivals: &[(Instant, bool)],
    from: Instant,
    rate: u32,
    part: f64,
) -> Option<Duration> {
    let mut times: Vec<Instant> = arrivals
        .iter()
        .map(|(time, _)| *time)
        .filter(|time| *time >= from)
        .collect();
    times.sort_unstable();
    let enough = f64::from(rate) * part;
    (0..times.len()).find_map(|first| {
        let second = times[first] + Duration::from_secs(1);
        let held = times[first..].iter().take_while(|time| **time < second).count();
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let enough = held as f64 >= enough;
        enough.then(|| times[first] - from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_arrived() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let arrivals: Vec<_> = (0..20).map(|i| (at(i * 100), i != 5)).collect();
        let figures = figures(&arrivals, 10, 2);
        assert_eq!((figures.refused, figures.most), (1, 10));
        assert!((figures.used - 0.95).abs() < 1e-9);
        assert_eq!(recovery(&arrivals, at(300), 10, 1.0), Some(Duration::ZERO));
        assert_eq!(recovery(&arrivals, at(0), 11, 1.0), None);
    }
}
