// Verifying a log against the tree of an authentic checkpoint. Each check
// stands alone and reads through the same logReader.

package main

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	maxProofs   = 2000 // inclusion proofs made without sampling
	maxPrefixes = 600  // sizes proved by allPrefixes
)

// checks says which of the costlier checks to make beside the usual ones.
type checks struct {
	allPrefixes bool
	allTiles    bool
}

// counts says how many proofs of each kind held.
type counts struct {
	inclusion, consistency int
}

type oldTree struct {
	name string // for messages
	tlog.Tree
}

func (c checks) run(r *logReader, tree tlog.Tree, olds []oldTree) (counts, error) {
	var done counts
	var err error
	// From here on every hash read was proved to be part of the tree.
	hashes := tlog.TileHashReader(tree, r)

	if tree.N > 0 { // the empty tree has no tiles, and tlog cannot read from it
		if err := checkRoot(tree, hashes); err != nil {
			return done, err
		}
		if done.inclusion, err = checkInclusion(r, tree, hashes); err != nil {
			return done, err
		}
	}
	for _, old := range olds {
		if err := checkConsistency(tree, old.Tree, hashes); err != nil {
			return done, fmt.Errorf("%s: %w", old.name, err)
		}
		done.consistency++
	}
	if c.allPrefixes {
		for n := int64(1); n <= min(tree.N, maxPrefixes); n++ {
			if err := checkPrefix(tree, n, hashes); err != nil {
				return done, fmt.Errorf("prefix of size %d: %w", n, err)
			}
			done.consistency++
		}
	}
	if c.allTiles {
		if err := checkTiles(r, tree); err != nil {
			return done, err
		}
	}
	return done, nil
}

// checkRoot rebuilds the root hash from the tiles on the tree's right edge.
func checkRoot(tree tlog.Tree, hashes tlog.HashReader) error {
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return fmt.Errorf("rebuilding the root: %w", err)
	}
	if root != tree.Hash {
		return errors.New("the tiles give another root than the checkpoint")
	}
	return nil
}

// checkInclusion proves that entries are in the tree where their bundle has
// them, and returns how many it tried.
func checkInclusion(r *logReader, tree tlog.Tree, hashes tlog.HashReader) (int, error) {
	var entries [][]byte // of bundle number loaded
	loaded := int64(-1)
	indexes := sampleIndexes(tree.N)
	for _, i := range indexes {
		if n := i / tileWidth; n != loaded {
			var err error
			if entries, err = r.bundle(n, widthOf(n, tree.N)); err != nil {
				return 0, err
			}
			loaded = n
		}
		proof, err := tlog.ProveRecord(tree.N, i, hashes)
		if err != nil {
			return 0, fmt.Errorf("entry %d: %w", i, err)
		}
		leaf := tlog.RecordHash(entries[i%tileWidth])
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, i, leaf); err != nil {
			return 0, fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return len(indexes), nil
}

// sampleIndexes lists, in order, the entries to prove: all of a small tree;
// else the first and last of every bundle, and as many others, evenly spread,
// as make up maxProofs. The same size always gives the same list.
func sampleIndexes(size int64) []int64 {
	edges := size/tileWidth*2 + min(size%tileWidth, 2)
	inner := size - edges
	wanted := min(inner, max(0, maxProofs-edges)) // of the inner ones
	if size <= maxProofs {
		wanted = inner
	}
	indexes := make([]int64, 0, edges+wanted)
	rank := int64(0) // of i among the inner ones
	for i := int64(0); i < size; i++ {
		if col := i % tileWidth; col == 0 || col == tileWidth-1 || i == size-1 {
			indexes = append(indexes, i)
			continue
		}
		if (rank+1)*wanted/inner > rank*wanted/inner {
			indexes = append(indexes, i)
		}
		rank++
	}
	return indexes
}

// checkConsistency proves that tree extends old.
func checkConsistency(tree, old tlog.Tree, hashes tlog.HashReader) error {
	switch {
	case old.N > tree.N:
		return fmt.Errorf("has %d entries, the log only %d", old.N, tree.N)
	case old.N == tree.N && old.Hash != tree.Hash:
		return fmt.Errorf("has another root for the same size %d", tree.N)
	case old.N == tree.N || old.N == 0: // every tree extends the empty one
		return nil
	}
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
		return fmt.Errorf("is not a prefix of the log: %w", err)
	}
	return nil
}

// checkPrefix proves that the tree extends its own first n entries.
func checkPrefix(tree tlog.Tree, n int64, hashes tlog.HashReader) error {
	root, err := tlog.TreeHash(n, hashes)
	if err != nil {
		return err
	}
	return checkConsistency(tree, tlog.Tree{N: n, Hash: root}, hashes)
}

// checkTiles rebuilds the hashes of all tile levels from the entries, and
// compares them with every tile the log serves for this size.
func checkTiles(r *logReader, tree tlog.Tree) error {
	var leaves []tlog.Hash
	for n := int64(0); n*tileWidth < tree.N; n++ {
		entries, err := r.bundle(n, widthOf(n, tree.N))
		if err != nil {
			return err
		}
		for _, entry := range entries {
			leaves = append(leaves, tlog.RecordHash(entry))
		}
	}
	for level, hashes := 0, leaves; len(hashes) > 0; level++ {
		if err := compareTiles(r, level, hashes); err != nil {
			return err
		}
		hashes = nextLevel(hashes)
	}
	return nil
}

// compareTiles compares one level, given all its hashes, with the log's tiles.
func compareTiles(r *logReader, level int, hashes []tlog.Hash) error {
	for n := int64(0); n*tileWidth < int64(len(hashes)); n++ {
		width := widthOf(n, int64(len(hashes)))
		var want []byte
		for _, h := range hashes[n*tileWidth:][:width] {
			want = append(want, h[:]...)
		}
		got, err := r.tile(level, n, width)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("tile/%d/%s is not what the entries give", level, formatN(n))
		}
	}
	return nil
}

// nextLevel hashes each full tile's worth of hashes into one. Hashes of a
// partial tile at the end go no further up.
func nextLevel(hashes []tlog.Hash) []tlog.Hash {
	for range tileHeight {
		var parents []tlog.Hash
		for i := 0; i+1 < len(hashes); i += 2 {
			parents = append(parents, tlog.NodeHash(hashes[i], hashes[i+1]))
		}
		hashes = parents
	}
	return hashes
}

// widthOf is how many of count items fall into tile or bundle n.
func widthOf(n, count int64) int {
	return int(min(tileWidth, count-n*tileWidth))
}
