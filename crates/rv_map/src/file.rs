//! The city file: a header with version and checksum, then the packed city.
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `RVCITY\r\n`; the line end shows a file mangled by a text transfer |
//! | 4 | version, little endian |
//! | 4 | CRC-32 of the packed bytes |
//! | 8 | number of packed bytes |
//! | 8 | number of unpacked bytes |
//! | rest | the city in postcard, packed with zlib |

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use crate::city::City;
use crate::validate::CityFlaw;

const MAGIC: [u8; 8] = *b"RVCITY\r\n";
const VERSION: u32 = 3;
/// Files of this version lack the table of road marks at their end, and are read as having none.
const VERSION_WITHOUT_MARKS: u32 = 2;
const HEADER_BYTES: usize = 32;
/// No city is larger than this; Columbus (39 x 28 km) has 6 MB.
const UNPACKED_BYTES_MAX: u64 = 2 << 30;

/// Why bytes are no city file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CityFileError {
    /// The first bytes are not those of a city file.
    #[error("this is no city file")]
    NotACityFile,
    /// The file was written by another version.
    #[error("the city file has version {found}, not {VERSION}: build it again")]
    Version {
        /// The file's version.
        found: u32,
    },
    /// The file is shorter or longer than its header says.
    #[error("the city file has {found} bytes, not {expected}")]
    Length {
        /// By the header.
        expected: u64,
        /// As given.
        found: u64,
    },
    /// The bytes were changed after writing.
    #[error("the city file is damaged: its checksum does not match")]
    Checksum,
    /// The checksum holds, but the content is no city.
    #[error("the city file's content does not unpack: {what}")]
    Content {
        /// What is wrong.
        what: &'static str,
    },
    /// The content contradicts itself.
    #[error("the city file's content is flawed: {0}")]
    Flaw(CityFlaw),
}

impl City {
    /// The city file's bytes. Same city, same bytes.
    ///
    /// Writing them is up to the caller, best to a temporary file that is renamed when complete.
    pub fn to_file_bytes(&self) -> Vec<u8> {
        let plain = postcard::to_stdvec(self).expect("a city has no value that postcard refuses");
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(5));
        encoder.write_all(&plain).expect("writing to memory does not fail");
        let packed = encoder.finish().expect("writing to memory does not fail");
        let mut file = Vec::with_capacity(HEADER_BYTES + packed.len());
        file.extend_from_slice(&MAGIC);
        file.extend_from_slice(&VERSION.to_le_bytes());
        file.extend_from_slice(&crc32fast::hash(&packed).to_le_bytes());
        file.extend_from_slice(&(packed.len() as u64).to_le_bytes());
        file.extend_from_slice(&(plain.len() as u64).to_le_bytes());
        file.extend_from_slice(&packed);
        file
    }

    /// Reads a city file and checks all of it, so that the city holds what its types promise:
    /// every index points into its table, every position lies on its edge.
    pub fn from_file_bytes(file: &[u8]) -> Result<Self, CityFileError> {
        if file.get(..MAGIC.len()) != Some(&MAGIC[..]) {
            return Err(CityFileError::NotACityFile);
        }
        let u32_at = |at: usize| Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?));
        let u64_at = |at: usize| Some(u64::from_le_bytes(file.get(at..at + 8)?.try_into().ok()?));
        let header = (u32_at(8), u32_at(12), u64_at(16), u64_at(24));
        let (Some(version), Some(checksum), Some(n_packed), Some(n_plain)) = header else {
            let (expected, found) = (HEADER_BYTES as u64, file.len() as u64);
            return Err(CityFileError::Length { expected, found });
        };
        if version != VERSION && version != VERSION_WITHOUT_MARKS {
            return Err(CityFileError::Version { found: version });
        }
        let packed = &file[HEADER_BYTES..];
        if packed.len() as u64 != n_packed {
            let expected = n_packed.saturating_add(HEADER_BYTES as u64);
            return Err(CityFileError::Length { expected, found: file.len() as u64 });
        }
        if crc32fast::hash(packed) != checksum {
            return Err(CityFileError::Checksum);
        }
        Self::unpack(packed, n_plain, version)
    }

    fn unpack(packed: &[u8], n_plain: u64, version: u32) -> Result<Self, CityFileError> {
        let content = |what| CityFileError::Content { what };
        if n_plain > UNPACKED_BYTES_MAX {
            return Err(content("it is beyond 2 GiB"));
        }
        let mut plain = Vec::new();
        let mut decoder = ZlibDecoder::new(packed).take(n_plain + 1);
        decoder.read_to_end(&mut plain).map_err(|_| content("its packing is broken"))?;
        if plain.len() as u64 != n_plain {
            return Err(content("it has another length than stated"));
        }
        if version == VERSION_WITHOUT_MARKS {
            // An empty table is its length alone.
            plain.push(0);
        }
        let (city, rest) = postcard::take_from_bytes::<Self>(&plain)
            .map_err(|_| content("its values do not decode"))?;
        if !rest.is_empty() {
            return Err(content("something follows it"));
        }
        city.validate().map_err(CityFileError::Flaw)?;
        Ok(city)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rv_base::{EdgeId, Meters};

    use super::*;
    use crate::testing;

    /// A file around any plain bytes, with a header that fits.
    fn file_of(plain: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        let packed = encoder.finish().unwrap();
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(&VERSION.to_le_bytes());
        file.extend_from_slice(&crc32fast::hash(&packed).to_le_bytes());
        file.extend_from_slice(&(packed.len() as u64).to_le_bytes());
        file.extend_from_slice(&(plain.len() as u64).to_le_bytes());
        file.extend_from_slice(&packed);
        file
    }

    #[test]
    fn a_city_comes_back_as_it_was() {
        for city in [City::default(), testing::square_city()] {
            let file = city.to_file_bytes();
            assert_eq!(City::from_file_bytes(&file).as_ref(), Ok(&city));
            assert_eq!(city.to_file_bytes(), file);
        }
    }

    #[test]
    fn each_kind_of_damage_has_its_error() {
        let file = testing::square_city().to_file_bytes();
        assert_eq!(City::from_file_bytes(b"PK"), Err(CityFileError::NotACityFile));
        let mut newer = file.clone();
        newer[8] = 9;
        assert_eq!(City::from_file_bytes(&newer), Err(CityFileError::Version { found: 9 }));
        let short = City::from_file_bytes(&file[..file.len() - 1]);
        assert!(matches!(short, Err(CityFileError::Length { .. })));
        let mut flipped = file.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(City::from_file_bytes(&flipped), Err(CityFileError::Checksum));
        let mut bad = testing::square_city();
        bad.places[0].stop.edge = EdgeId(999);
        let error = City::from_file_bytes(&bad.to_file_bytes());
        assert!(matches!(error, Err(CityFileError::Flaw(_))), "{error:?}");
        let mut bad = testing::square_city();
        bad.graph.edges[0].length = Meters(f64::NAN);
        assert!(City::from_file_bytes(&bad.to_file_bytes()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// What passes the checks is safe to use, even if someone computed a fitting checksum.
        #[test]
        fn a_hostile_file_is_an_error_or_a_sound_city(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut plain = postcard::to_stdvec(&testing::square_city()).unwrap();
            for (at, byte) in changes {
                let at = at.index(plain.len());
                plain[at] = byte;
            }
            if let Some(cut) = cut {
                plain.truncate(cut.index(plain.len()));
            }
            if let Ok(city) = City::from_file_bytes(&file_of(&plain)) {
                testing::use_everything(&city);
            }
        }

        #[test]
        fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut file = MAGIC.to_vec();
            file.extend_from_slice(&bytes);
            prop_assert!(City::from_file_bytes(&bytes).is_err());
            prop_assert!(City::from_file_bytes(&file).is_err());
        }
    }

    #[test]
    fn files_from_before_road_marks_are_read_as_having_none() {
        let mut city = testing::square_city();
        city.marks.clear();
        let plain = postcard::to_stdvec(&city).unwrap();
        let mut file = file_of(&plain[..plain.len() - 1]);
        file[8..12].copy_from_slice(&VERSION_WITHOUT_MARKS.to_le_bytes());
        assert_eq!(City::from_file_bytes(&file).unwrap(), city);
    }
}
