//! Things by numbers that count up: found at once, and forgotten from the front as they go.

use std::collections::VecDeque;
use std::ops::Index;

/// Things by number. Room is kept from the lowest number in use to the highest.
#[derive(Clone, Debug)]
pub(super) struct Numbered<T> {
    first: u32,
    slots: VecDeque<Option<Box<T>>>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { first: 0, slots: VecDeque::new() }
    }
}

impl<T> Numbered<T> {
    fn at(&self, number: u32) -> Option<usize> {
        number.checked_sub(self.first).map(|at| at as usize)
    }

    pub fn get(&self, number: u32) -> Option<&T> {
        self.slots.get(self.at(number)?)?.as_deref()
    }

    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let at = self.at(number)?;
        self.slots.get_mut(at)?.as_deref_mut()
    }

    /// Keeps a thing under a number, in place of what it was before.
    pub fn insert(&mut self, number: u32, thing: T) {
        if self.slots.is_empty() {
            self.first = number;
        }
        while number < self.first {
            self.slots.push_front(None);
            self.first -= 1;
        }
        let at = (number - self.first) as usize;
        if at >= self.slots.len() {
            self.slots.resize_with(at + 1, || None);
        }
        self.slots[at] = Some(Box::new(thing));
    }

    pub fn remove(&mut self, number: u32) {
        let Some(at) = self.at(number) else { return };
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = None;
        }
        while self.slots.front().is_some_and(Option::is_none) {
            self.slots.pop_front();
            self.first += 1;
        }
    }
}

impl<T> Index<u32> for Numbered<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        self.get(number).expect("what is on a tour is known")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_found_by_number_and_forgotten() {
        let mut things = Numbered::default();
        for number in 5..9 {
            things.insert(number, number * 10);
        }
        things.remove(5);
        things.remove(7);
        things.remove(7);
        let found: Vec<_> = (0..12).filter_map(|n| things.get(n).copied()).collect();
        assert_eq!((found, things.first), (vec![60, 80], 6));
        things.insert(3, 30);
        assert_eq!((things[3], things.get(4), things[8]), (30, None, 80));
        things.remove(3);
        things.remove(6);
        things.remove(8);
        assert!(things.slots.is_empty() && things.get(8).is_none());
    }
}
