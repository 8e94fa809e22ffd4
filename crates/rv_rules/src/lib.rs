//! Permits, operating domain and reports to the authority, as data and code.
