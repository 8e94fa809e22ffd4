//! Sets of edges: permits, closures, zones.

use rv_base::EdgeId;

/// A set of edges of one road graph, one bit an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeSet {
    words: Vec<u64>,
}

impl EdgeSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { words: Vec::new() }
    }

    /// Adds an edge.
    pub fn insert(&mut self, edge: EdgeId) {
        let word = edge.idx() / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (edge.idx() % 64);
    }

    /// Takes an edge out.
    pub fn remove(&mut self, edge: EdgeId) {
        if let Some(word) = self.words.get_mut(edge.idx() / 64) {
            *word &= !(1 << (edge.idx() % 64));
        }
        // Trailing zero words would make equal sets differ.
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }

    /// True if the edge is in the set.
    pub fn contains(&self, edge: EdgeId) -> bool {
        self.words.get(edge.idx() / 64).is_some_and(|word| word >> (edge.idx() % 64) & 1 == 1)
    }

    /// Number of edges in the set.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// True if no edge is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Bytes that it takes besides itself.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.words[..])
    }

    /// The edges, in order.
    pub fn iter(&self) -> impl Iterator<Item = EdgeId> + '_ {
        self.words.iter().enumerate().flat_map(|(idx, word)| {
            (0..64)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| EdgeId::from_idx(idx * 64 + bit))
        })
    }
}

impl FromIterator<EdgeId> for EdgeSet {
    fn from_iter<I: IntoIterator<Item = EdgeId>>(edges: I) -> Self {
        let mut set = Self::new();
        for edge in edges {
            set.insert(edge);
        }
        set
    }
}

impl Extend<EdgeId> for EdgeSet {
    fn extend<I: IntoIterator<Item = EdgeId>>(&mut self, edges: I) {
        for edge in edges {
            self.insert(edge);
        }
    }
}
