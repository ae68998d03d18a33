// Opening checkpoints (https://c2sp.org/tlog-checkpoint): what leaves this file
// was signed by the log's key and had exactly one spelling.

package main

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxSize keeps the arithmetic on indexes, and the list of sampled ones, small.
const maxSize = 1 << 30

func loadTree(src source, path string, verifier note.Verifier) (tlog.Tree, error) {
	msg, err := src.get(path, maxCheckpoint)
	if err != nil {
		return tlog.Tree{}, err
	}
	tree, err := openCheckpoint(msg, verifier)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%s: %w", path, err)
	}
	return tree, nil
}

// openCheckpoint verifies the note and returns the tree it commits to.
func openCheckpoint(msg []byte, verifier note.Verifier) (tlog.Tree, error) {
	n, err := note.Open(msg, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	for _, sig := range n.Sigs {
		// note.Open lets the unused bits of the last base64 digit vary.
		if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
			return tlog.Tree{}, fmt.Errorf("signature: %w", err)
		}
	}
	return parseCheckpoint(n.Text, verifier.Name())
}

// parseCheckpoint reads the lines origin, size, root hash and any extensions.
func parseCheckpoint(text, origin string) (tlog.Tree, error) {
	body, ok := strings.CutSuffix(text, "\n")
	lines := strings.Split(body, "\n")
	if !ok || len(lines) < 3 {
		return tlog.Tree{}, errors.New("fewer than three lines")
	}
	if lines[0] != origin {
		return tlog.Tree{}, fmt.Errorf("origin %q is not the key name %q", lines[0], origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("malformed size %q", lines[1])
	}
	if size > maxSize {
		return tlog.Tree{}, fmt.Errorf("size %d is above this program's limit of %d", size, maxSize)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize || base64.StdEncoding.EncodeToString(root) != lines[2] {
		return tlog.Tree{}, fmt.Errorf("malformed root hash %q", lines[2])
	}
	for _, extension := range lines[3:] {
		if extension == "" {
			return tlog.Tree{}, errors.New("empty extension line")
		}
	}
	tree := tlog.Tree{N: size, Hash: tlog.Hash(root)}
	if size == 0 && tree.Hash != sha256.Sum256(nil) {
		return tlog.Tree{}, errors.New("the empty tree has another root hash")
	}
	return tree, nil
}
