//! Vector tiles of the city, cut on demand and kept while there is room.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use rv_map::{City, TileIndex};

/// Most bytes of tiles kept.
const CACHE_BYTES_MAX: usize = 64 << 20;
/// What an entry costs besides its tile, bytes.
const ENTRY_BYTES: usize = 64;

type Key = (u8, u32, u32);

/// See the module.
pub struct Tiles {
    index: TileIndex,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    tiles: BTreeMap<Key, (u64, Bytes)>,
    /// Use number to key; the least is the tile that was not asked for the longest.
    by_use: BTreeMap<u64, Key>,
    n_uses: u64,
    n_bytes: usize,
}

impl Tiles {
    /// Indexes a city.
    pub fn new(city: &City) -> Self {
        Self { index: TileIndex::new(city), cache: Mutex::new(Cache::default()) }
    }

    /// One tile; empty outside of the city and of the zooms that have tiles. Takes up to tens of
    /// milliseconds if it is not in the cache.
    pub fn get(&self, z: u8, x: u32, y: u32) -> Bytes {
        let lock = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tile) = lock().get((z, x, y)) {
            return tile;
        }
        let tile = Bytes::from(self.index.tile(z, x, y));
        lock().put((z, x, y), tile.clone());
        tile
    }
}

impl Cache {
    fn get(&mut self, key: Key) -> Option<Bytes> {
        self.n_uses += 1;
        let (used, tile) = self.tiles.get_mut(&key)?;
        self.by_use.remove(used);
        *used = self.n_uses;
        self.by_use.insert(self.n_uses, key);
        Some(tile.clone())
    }

    fn put(&mut self, key: Key, tile: Bytes) {
        self.n_uses += 1;
        self.n_bytes += tile.len() + ENTRY_BYTES;
        if let Some((used, old)) = self.tiles.insert(key, (self.n_uses, tile)) {
            self.by_use.remove(&used);
            self.n_bytes -= old.len() + ENTRY_BYTES;
        }
        self.by_use.insert(self.n_uses, key);
        while self.n_bytes > CACHE_BYTES_MAX {
            let Some((_, oldest)) = self.by_use.pop_first() else { return };
            if let Some((_, tile)) = self.tiles.remove(&oldest) {
                self.n_bytes -= tile.len() + ENTRY_BYTES;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_tile_goes_first() {
        let mut cache = Cache::default();
        let tile = |n| Bytes::from(vec![0; n]);
        let third = CACHE_BYTES_MAX / 3;
        for x in 0..2 {
            cache.put((12, x, 0), tile(third));
        }
        assert!(cache.get((12, 0, 0)).is_some());
        cache.put((12, 2, 0), tile(third));
        assert!(cache.get((12, 1, 0)).is_none());
        assert!(cache.get((12, 0, 0)).is_some() && cache.get((12, 2, 0)).is_some());
        cache.put((12, 2, 0), tile(1));
        assert_eq!(cache.n_bytes, third + 1 + 2 * ENTRY_BYTES);
    }
}
