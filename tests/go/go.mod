module wheeltap/foreign-verifier

go 1.25.0

// Not older than v0.40.0: before it, tlog.TileHashReader left the first tiles
// below the right edge unauthenticated when the edge shared tiles.
require golang.org/x/mod v0.40.0
