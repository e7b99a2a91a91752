//! Lines that wait to be written, and which of them go when there is no room for all. Pure.

use std::collections::VecDeque;

/// Which lines are lost last. Lower ones make room for higher ones, whenever they came.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Rank {
    /// Whoever reaches the API server causes as many of them as it likes.
    Refusal,
    /// What else there is to tell.
    Other,
    /// Somebody was let in.
    Grant,
}

/// A bounded queue of lines in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    refusals: VecDeque<Line>,
    others: VecDeque<Line>,
    grants: VecDeque<Line>,
    /// How many lines came so far.
    count: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Line {
    number: u64,
    text: Vec<u8>,
}

/// Lines that are written at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    /// Where each line ends.
    pub(super) ends: Vec<usize>,
}

/// A second of a flood, ...
const MOST_LINES: usize = 4096;

/// ... and as much memory as that takes.
const MOST_BYTES: usize = 1024 * 1024;

/// As much as a pipe holds.
const BATCH_BYTES: usize = 64 * 1024;

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.refusals.len() + self.others.len() + self.grants.len()
    }

    fn of(&mut self, rank: Rank) -> &mut VecDeque<Line> {
        match rank {
            Rank::Refusal => &mut self.refusals,
            Rank::Other => &mut self.others,
            Rank::Grant => &mut self.grants,
        }
    }

    /// Takes a line, and says how many were lost for it: older ones of lower rank, or itself.
    pub(super) fn push(&mut self, rank: Rank, text: Vec<u8>) -> u64 {
        let mut lost = 0;
        while self.len() >= MOST_LINES || self.bytes.saturating_add(text.len()) > MOST_BYTES {
            lost += 1;
            let lower = [Rank::Refusal, Rank::Other].into_iter().filter(|lower| *lower < rank);
            let Some(gone) = lower.into_iter().find_map(|lower| self.of(lower).pop_front()) else { return lost };
            self.bytes = self.bytes.saturating_sub(gone.text.len());
        }
        self.bytes += text.len();
        self.count += 1;
        let line = Line { number: self.count, text };
        self.of(rank).push_back(line);
        lost
    }

    /// Moves the oldest lines into an empty batch, as many as are written at once.
    pub(super) fn take(&mut self, batch: &mut Batch) {
        batch.bytes.clear();
        batch.ends.clear();
        while batch.bytes.len() < BATCH_BYTES {
            let ranks = [Rank::Refusal, Rank::Other, Rank::Grant];
            let fronts = ranks.map(|rank| (self.of(rank).front().map(|line| line.number), rank));
            let oldest = fronts.into_iter().filter_map(|(number, rank)| Some((number?, rank))).min();
            let Some(line) = oldest.and_then(|(_, rank)| self.of(rank).pop_front()) else { break };
            self.bytes = self.bytes.saturating_sub(line.text.len());
            batch.bytes.extend_from_slice(&line.text);
            batch.ends.push(batch.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(queue: &mut Queue) -> String {
        let (mut batch, mut text) = (Batch::default(), String::new());
        while !queue.is_empty() {
            queue.take(&mut batch);
            assert_eq!(batch.ends.last(), Some(&batch.bytes.len()));
            text.push_str(std::str::from_utf8(&batch.bytes).unwrap());
        }
        text
    }

    #[test]
    fn lines_come_out_in_the_order_in_which_they_came_in_whatever_their_rank() {
        let mut queue = Queue::default();
        for (number, rank) in
            [Rank::Grant, Rank::Refusal, Rank::Other, Rank::Refusal, Rank::Grant].into_iter().enumerate()
        {
            assert_eq!(queue.push(rank, format!("{number}\n").into_bytes()), 0);
        }
        assert_eq!(rest(&mut queue), "0\n1\n2\n3\n4\n");
    }

    #[test]
    fn a_full_queue_loses_refusals_first_then_others_and_grants_last() {
        let mut queue = Queue::default();
        let mut push = |rank, name: &str| queue.push(rank, format!("{name}\n").into_bytes());
        for _ in 0..MOST_LINES - 2 {
            assert_eq!(push(Rank::Refusal, "refused"), 0);
        }
        assert_eq!(push(Rank::Other, "other"), 0);
        assert_eq!(push(Rank::Grant, "granted"), 0);
        assert_eq!(push(Rank::Refusal, "one refusal too many"), 1);
        for _ in 0..MOST_LINES - 2 {
            assert_eq!(push(Rank::Grant, "granted"), 1);
        }
        assert_eq!(push(Rank::Other, "another too many"), 1);
        assert_eq!(push(Rank::Grant, "the last"), 1, "for the other one");
        assert_eq!(push(Rank::Grant, "a grant too many"), 1);
        assert_eq!(rest(&mut queue), ["granted\n".repeat(MOST_LINES - 1), "the last\n".to_owned()].concat());
    }

    #[test]
    fn bytes_are_bounded_and_free_again_once_they_are_taken() {
        let (mut queue, line) = (Queue::default(), vec![b'x'; MOST_BYTES / 4]);
        let lost = |queue: &mut Queue| (0..8).map(|_| queue.push(Rank::Refusal, line.clone())).sum::<u64>();
        assert_eq!(lost(&mut queue), 4);
        rest(&mut queue);
        assert_eq!(lost(&mut queue), 4);
        assert_eq!(queue.push(Rank::Grant, b"granted\n".to_vec()), 1);
    }
}
