//! Chooses which users that are reported as offline are read all the same. Pure.

/// The fewest users in a sample, if so many are reported as offline.
pub(crate) const FEWEST: u64 = 50;

/// One of so many users that are reported as offline is in the sample.
pub(crate) const ONE_IN: u64 = 200;

/// A random sample of the users that are reported as offline, spread over the run.
///
/// Of each block of users one is read at once. Because it is not known beforehand how many will be reported as
/// offline, some of the others are remembered, so that the sample can be completed at the end.
#[derive(Debug)]
pub(crate) struct Sample<T> {
    rng: fastrand::Rng,
    /// The length of a block.
    block: u64,
    /// The position in this block of the user that is read.
    chosen: u64,
    offline: u64,
    taken: u64,
    /// Users that were not read, each of them with the same probability.
    remembered: Vec<T>,
}

impl<T> Sample<T> {
    /// Starts a sample of a run over `users`; `seed` decides who is in it.
    #[must_use]
    pub(crate) fn new(users: u64, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let block = (users / FEWEST).clamp(1, ONE_IN);
        Self {
            chosen: rng.u64(..block),
            rng,
            block,
            offline: 0,
            taken: 0,
            remembered: Vec::new(),
        }
    }

    /// Counts a user that is reported as offline, and returns the user if it is to be read now.
    pub(crate) fn take(&mut self, user: T) -> Option<T>
    where
        T: Clone,
    {
        let place = self.offline % self.block;
        self.offline += 1;
        let chosen = place == self.chosen;
        if place + 1 == self.block {
            self.chosen = self.rng.u64(..self.block);
        }
        if chosen {
            self.taken += 1;
            return Some(user);
        }
        let passed = self.offline - self.taken;
        let most = usize::try_from(FEWEST).unwrap_or(usize::MAX);
        if self.remembered.len() < most {
            self.remembered.push(user);
        } else if let Ok(index) = usize::try_from(self.rng.u64(..passed))
            && let Some(place) = self.remembered.get_mut(index)
        {
            *place = user;
        }
        None
    }

    /// Returns the users that are missing from the sample, now that everybody has been counted.
    pub(crate) fn complete(&mut self) -> Vec<T> {
        let wanted = FEWEST.max(self.offline.div_ceil(ONE_IN)).min(self.offline);
        let missing = usize::try_from(wanted.saturating_sub(self.taken)).unwrap_or(usize::MAX);
        self.rng.shuffle(&mut self.remembered);
        let rest = self.remembered.split_off(missing.min(self.remembered.len()));
        self.taken += self.remembered.len() as u64;
        std::mem::replace(&mut self.remembered, rest)
    }

    /// Returns how many users were reported as offline.
    #[must_use]
    pub(crate) fn offline(&self) -> u64 {
        self.offline
    }

    /// Returns how many users are in the sample.
    #[must_use]
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However many of the users are offline, and wherever in the list they are, the sample is large enough, nobody is
        /// in it twice, and everybody in it was offline.
        #[test]
        fn the_sample_is_large_enough(users in 1_u64..30_000, share in 0_u64..101, seed: u64) {
            let mut sample = Sample::new(users, seed);
            let offline = users * share / 100;
            let mut read: Vec<u64> = (0..offline).filter_map(|user| sample.take(user)).collect();
            read.extend(sample.complete());
            let wanted = 50.max(offline.div_ceil(200)).min(offline);
            prop_assert!(read.len() as u64 >= wanted, "{} of {offline}", read.len());
            prop_assert_eq!(sample.taken(), read.len() as u64);
            prop_assert!(read.len() as u64 <= wanted + 50 + offline / 100, "{} of {offline}", read.len());
            let different: BTreeSet<u64> = read.iter().copied().collect();
            prop_assert_eq!(different.len(), read.len());
            prop_assert!(different.iter().all(|user| *user < offline));
        }
    }

    #[test]
    fn everybody_is_in_the_sample_equally_often_and_it_is_spread() {
        let mut often = [0_u32; 1_000];
        for seed in 0..2_000 {
            let mut sample = Sample::new(1_000, seed);
            let mut read: Vec<usize> = (0..1_000).filter_map(|user| sample.take(user)).collect();
            assert!(read.windows(2).all(|pair| pair[1] - pair[0] < 40), "spread");
            read.extend(sample.complete());
            for user in read {
                often[user] += 1;
            }
        }
        let (least, most) = (often.iter().min().unwrap(), often.iter().max().unwrap());
        assert!(*least > 50 && *most < 160, "{least} to {most}, 100 expected");
    }
}
