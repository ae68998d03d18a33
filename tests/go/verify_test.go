// Tests of the verifier on small logs written to temporary directories. File
// names in them come from x/mod, not from source.go.

package main

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The key pair whose seed is the bytes 1, 2, … 32.
const (
	testOrigin = "log.example.org/test"
	testVkey   = "log.example.org/test+82258d05+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk"
	testSkey   = "PRIVATE+KEY+log.example.org/test+82258d05+AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
)

// testLog is a log of growing size whose files are all kept in dir.
type testLog struct {
	t       *testing.T
	dir     string
	signer  note.Signer
	fork    string // goes into each entry; two logs differ only by it
	entries [][]byte
	stored  []tlog.Hash
}

func (l *testLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, l.stored[i])
	}
	return out, nil
}

// newTestLog makes a log that published a checkpoint at each of the sizes.
func newTestLog(t *testing.T, fork string, sizes ...int64) *testLog {
	t.Helper()
	signer, err := note.NewSigner(testSkey)
	must(t, err)
	l := &testLog{t: t, dir: t.TempDir(), signer: signer, fork: fork}
	for _, size := range sizes {
		l.growTo(size)
	}
	return l
}

func (l *testLog) growTo(size int64) {
	from := int64(len(l.entries))
	for i := from; i < size; i++ {
		entry := fmt.Appendf(nil, "entry %d%s", i, l.fork)
		switch i {
		case 0:
			entry = bytes.Repeat([]byte{'x'}, 65535) // the longest
		case 1:
			entry = nil
		}
		hashes, err := tlog.StoredHashes(i, entry, l)
		must(l.t, err)
		l.entries = append(l.entries, entry)
		l.stored = append(l.stored, hashes...)
	}
	for _, tile := range tlog.NewTiles(8, from, size) {
		data, err := tlog.ReadTileData(tile, l)
		must(l.t, err)
		l.write(strings.Replace(tile.Path(), "tile/8/", "tile/", 1), data)
		if tile.L == 0 {
			var bundle []byte
			for _, e := range l.entries[tile.N*256:][:tile.W] {
				bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(e)))
				bundle = append(bundle, e...)
			}
			tile.L = -1
			l.write(strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1), bundle)
		}
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", testOrigin, size, l.root(size))
	l.write("checkpoint", l.sign(text))
	l.write(fmt.Sprintf("checkpoint-%d", size), l.sign(text))
}

func (l *testLog) root(size int64) tlog.Hash {
	root, err := tlog.TreeHash(size, l)
	must(l.t, err)
	return root
}

func (l *testLog) sign(text string) []byte {
	msg, err := note.Sign(&note.Note{Text: text}, l.signer)
	must(l.t, err)
	return msg
}

func (l *testLog) path(name string) string { return filepath.Join(l.dir, filepath.FromSlash(name)) }

func (l *testLog) checkpoint(size int64) string { return l.path(fmt.Sprintf("checkpoint-%d", size)) }

func (l *testLog) write(name string, data []byte) {
	must(l.t, os.MkdirAll(filepath.Dir(l.path(name)), 0o777))
	must(l.t, os.WriteFile(l.path(name), data, 0o666))
}

func (l *testLog) read(name string) []byte {
	data, err := os.ReadFile(l.path(name))
	must(l.t, err)
	return data
}

// files lists what a log serves: the checkpoint, tiles and bundles.
func (l *testLog) files() []string {
	names := []string{"checkpoint"}
	must(l.t, fs.WalkDir(os.DirFS(l.dir), "tile", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	}))
	return names
}

// args is a command line for this log with further arguments.
func (l *testLog) args(more ...string) []string {
	return append([]string{"-vkey", testVkey, "-log", l.dir}, more...)
}

// okLine is the summary expected for the given size and counts.
func (l *testLog) okLine(size int64, inclusion, consistency int) string {
	return fmt.Sprintf("OK origin=%s size=%d root=%s inclusion=%d consistency=%d\n",
		testOrigin, size, l.root(size), inclusion, consistency)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// accept demands exit code 0 and exactly this output.
func accept(t *testing.T, want string, args []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(args, &stdout, &stderr); code != 0 || stdout.String() != want || stderr.Len() != 0 {
		t.Errorf("exit %d, stdout %q, stderr %q; want exit 0, stdout %q", code, &stdout, &stderr, want)
	}
}

// refuse demands this exit code, no output, and a message that holds want.
func refuse(t *testing.T, code int, want string, args []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	got := run(args, &stdout, &stderr)
	if got != code || stdout.Len() != 0 || stderr.Len() == 0 || !strings.Contains(stderr.String(), want) {
		t.Errorf("exit %d, stdout %q, stderr %q; want exit %d, message with %q", got, &stdout, &stderr, code, want)
	}
}

func TestAccept(t *testing.T) {
	sizes := []int64{0, 1, 2, 255, 256, 257, 513, 2001}
	for i, size := range sizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			l := newTestLog(t, "", sizes[:i+1]...)
			inclusion := int(min(size, 2000))
			accept(t, l.okLine(size, inclusion, 0), l.args())

			more := []string{"-all-tiles", "-all-prefixes"}
			for _, old := range sizes[:i+1] {
				more = append(more, "-old", l.checkpoint(old))
			}
			accept(t, l.okLine(size, inclusion, i+1+int(min(size, 600))), l.args(more...))
		})
	}
}

// Three levels of tiles, and a fault in the middle one.
func TestAcceptThreeLevels(t *testing.T) {
	l := newTestLog(t, "", 300, 65536+300)
	accept(t, l.okLine(65836, 2000, 1), l.args("-all-tiles", "-old", l.checkpoint(300)))
	name := "tile/1/000"
	data := l.read(name)
	data[40] ^= 1
	l.write(name, data)
	refuse(t, 1, "", l.args())
}

// A tree of 7 entries signed and hashed by an independent implementation.
func TestPublishedVector(t *testing.T) {
	l := newTestLog(t, "")
	l.write("checkpoint", []byte(`log.example.org/test
7
mMl/C6MXXNCLAx3QhLncTmSbZNGijm6mlGRlAxc6tYc=

— log.example.org/test giWNBcz/h5ghP3qRQbYPZbcF7PDTtdJxN0Yoys+YzRUGpebZOJ8EMVq5wq3nkPTmVlZ3g08bWuNkyl1+Dik3RxTZfQY=
`))
	var bundle, tile []byte
	for i, leaf := range []string{
		"dziFphNIniTOLPdhmdakI/BC5LvxLX7s7pEu8nbGVwE=", "Lfs2xvZsrDYUKc9G34aKuCQtOmRB8Qmcj7P5jsXRCKQ=",
		"V8efTzGuApxdS9MLBzwnyU35NDiytGl+Hh7vW8A5SkE=", "YcoROfaBWEHVuvLQ0tm9nf7pfImN1ve6DAqpQe5sAes=",
		"SFM123z+yWXxX/dF/GJcQdXqJkaTaTAWWCj3PdS2iFQ=", "n/U3thiiV++CkIxFkVrLrrbZ3qA11tk5ZPyIwZ6YyLM=",
		"vhV4G2KKKEFMHIoRuG24Qi+hBBIV/g18RJbSPNoeQUI=",
	} {
		bundle = fmt.Appendf(bundle, "\x00\x07entry %d", i)
		hash, err := base64.StdEncoding.DecodeString(leaf)
		must(t, err)
		tile = append(tile, hash...)
	}
	l.write("tile/entries/000.p/7", bundle)
	l.write("tile/0/000.p/7", tile)
	accept(t, "OK origin=log.example.org/test size=7 root=mMl/C6MXXNCLAx3QhLncTmSbZNGijm6mlGRlAxc6tYc= inclusion=7 consistency=7\n",
		l.args("-all-tiles", "-all-prefixes"))
}

// An older checkpoint verifies against a log that has pruned its partials.
func TestFullInPlaceOfPartial(t *testing.T) {
	l := newTestLog(t, "", 100, 300, 520)
	for _, name := range []string{"tile/0/001.p", "tile/entries/001.p", "tile/0/000.p", "tile/entries/000.p"} {
		must(t, os.RemoveAll(l.path(name)))
	}
	accept(t, l.okLine(300, 300, 1), l.args("-all-tiles", "-checkpoint", l.checkpoint(300), "-old", l.checkpoint(100)))
	accept(t, l.okLine(100, 100, 0), l.args("-all-tiles", "-checkpoint", l.checkpoint(100)))
	must(t, os.Remove(l.path("tile/entries/001")))
	refuse(t, 1, "no partial of width 44", l.args("-checkpoint", l.checkpoint(300)))
}

// Over HTTP, with bundles compressed and one error that is not a 404.
func TestHTTP(t *testing.T) {
	l := newTestLog(t, "", 300, 520)
	must(t, os.RemoveAll(l.path("tile/0/001.p")))
	var broken, compressed string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name := strings.TrimPrefix(req.URL.Path, "/some/log/")
		data, err := os.ReadFile(l.path(name))
		switch {
		case name == broken:
			w.WriteHeader(http.StatusServiceUnavailable)
		case err != nil:
			w.WriteHeader(http.StatusNotFound)
		case strings.HasPrefix(name, "tile/entries/"):
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(data)
			z.Close()
			compressed = name
		default:
			w.Write(data)
		}
	}))
	defer server.Close()
	args := []string{"-vkey", testVkey, "-log", server.URL + "/some/log/", "-all-tiles"}
	accept(t, l.okLine(520, 520, 0), args)
	if compressed == "" {
		t.Error("no bundle was sent compressed")
	}
	args = append(args, "-checkpoint", l.checkpoint(300))
	accept(t, l.okLine(300, 300, 0), args)
	broken = "tile/entries/001.p/44"
	refuse(t, 1, "503", args)
	broken = ""
	bomb := make([]byte, 44*65537+1) // small once compressed
	l.write("tile/entries/001.p/44", bomb)
	refuse(t, 1, "longer than", args)
}

func TestFlippedByteIsRefused(t *testing.T) {
	for _, size := range []int64{1, 2, 255, 256, 257, 513} {
		l := newTestLog(t, "", size)
		for _, name := range l.files() {
			good := l.read(name)
			places := []int{0, len(good) / 3, len(good) / 2, len(good) - 1}
			if name == "checkpoint" {
				places = nil
				for i := range good {
					places = append(places, i)
				}
			}
			for _, place := range places {
				bad := slices.Clone(good)
				bad[place] ^= 1
				l.write(name, bad)
				t.Run(fmt.Sprintf("%d/%s/%d", size, name, place), func(t *testing.T) {
					refuse(t, 1, "", l.args())
				})
			}
			l.write(name, good)
		}
		accept(t, l.okLine(size, int(size), 0), l.args())
	}
}

func TestWrongLengthIsRefused(t *testing.T) {
	l := newTestLog(t, "", 257)
	for _, name := range l.files() {
		good := l.read(name)
		for _, bad := range [][]byte{nil, good[:len(good)-1], append(slices.Clone(good), 0), append(slices.Clone(good), good...)} {
			l.write(name, bad)
			refuse(t, 1, "", l.args())
		}
		must(t, os.Remove(l.path(name)))
		refuse(t, 1, "", l.args())
		l.write(name, good)
	}
	l.write("checkpoint", make([]byte, maxCheckpoint+1))
	refuse(t, 1, "longer than", l.args())
}

// An entry that no sampled proof looks at is left to -all-tiles.
func TestAllTilesSeesUnsampledEntry(t *testing.T) {
	const size = 4096
	l := newTestLog(t, "", size)
	i := int64(1024)
	for sampled := sampleIndexes(size); slices.Contains(sampled, i); {
		i++
	}
	name := fmt.Sprintf("tile/entries/%03d", i/256)
	bad := bytes.Replace(l.read(name), fmt.Appendf(nil, "entry %d", i), fmt.Appendf(nil, "Entry %d", i), 1)
	l.write(name, bad)
	accept(t, l.okLine(size, 2000, 0), l.args())
	refuse(t, 1, "not what the entries give", l.args("-all-tiles"))
}

// Proofs read all tiles too, so the comparison is tried without them.
func TestCheckTilesLooksAtEveryTile(t *testing.T) {
	const size = 515
	l := newTestLog(t, "", size)
	check := func() error {
		return checkTiles(newLogReader(dirSource(l.dir)), tlog.Tree{N: size, Hash: l.root(size)})
	}
	must(t, check())
	for _, name := range l.files() {
		if strings.HasPrefix(name, "tile/") {
			good := l.read(name)
			bad := slices.Clone(good)
			bad[len(bad)-1] ^= 1
			l.write(name, bad)
			if check() == nil {
				t.Errorf("changed byte in %s not seen", name)
			}
			l.write(name, good)
		}
	}
}

func TestInconsistentCheckpointIsRefused(t *testing.T) {
	l := newTestLog(t, "", 100, 300)
	fork := newTestLog(t, "'", 100, 300, 301)
	refuse(t, 1, "not a prefix", l.args("-old", fork.checkpoint(100)))
	refuse(t, 1, "another root for the same size", l.args("-old", fork.checkpoint(300)))
	refuse(t, 1, "has 301 entries", l.args("-old", fork.checkpoint(301)))
	refuse(t, 1, "not a prefix", l.args("-old", l.checkpoint(100), "-old", fork.checkpoint(100)))
	refuse(t, 1, "", l.args("-old", l.path("absent")))
	refuse(t, 1, "inconsistent tile", l.args("-checkpoint", fork.checkpoint(300)))
}

func TestCheckpointGrammar(t *testing.T) {
	l := newTestLog(t, "", 5)
	root := l.root(5).String()
	check := func(ok bool, text string) {
		t.Helper()
		_, err := parseCheckpoint(text, testOrigin)
		if ok != (err == nil) {
			t.Errorf("%q: %v", text, err)
		}
	}
	check(true, testOrigin+"\n5\n"+root+"\n")
	check(true, testOrigin+"\n5\n"+root+"\nextension\nanother\n")
	for _, size := range []string{"", "05", "+5", "-5", " 5", "5 ", "5.0", "0x5", "1073741825", "9223372036854775808"} {
		check(false, testOrigin+"\n"+size+"\n"+root+"\n")
	}
	for _, bad := range []string{"", root[:43], root + "=", root[:40], root[:42] + "/=", " " + root, root[:20] + "\r" + root[20:]} {
		check(false, testOrigin+"\n5\n"+bad+"\n")
	}
	check(false, "")
	check(false, "\n")
	check(false, testOrigin+"\n5\n")
	check(false, testOrigin+"\n5\n"+root)
	check(false, testOrigin+"\n5\n"+root+"\n\n")
	check(false, testOrigin+"\n5\n"+root+"\n\nextension\n")
	check(false, testOrigin+"/\n5\n"+root+"\n")
	check(false, testOrigin+"\n0\n"+root+"\n")
	check(true, testOrigin+"\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
}

// Lines of unknown keys are no matter; a bad one of the known key is fatal.
func TestSignatures(t *testing.T) {
	l := newTestLog(t, "", 5)
	good := string(l.read("checkpoint"))
	l.write("checkpoint", []byte(good+"— witness.example.org AAAAAAAAAAA=\n"))
	accept(t, l.okLine(5, 5, 0), l.args())
	l.write("checkpoint", []byte(good+"— witness.example.org !\n"))
	refuse(t, 1, "malformed note", l.args())
	_, stranger, err := note.GenerateKey(rand.Reader, testOrigin)
	must(t, err)
	l.write("checkpoint", []byte(good))
	refuse(t, 1, "no verifiable signatures", l.args("-vkey", stranger))
	refuse(t, 1, "-vkey", l.args("-vkey", strings.Replace(testVkey, "+8", "+9", 1)))
	l.write("checkpoint", l.sign("other.example.org\n5\n"+l.root(5).String()+"\n"))
	refuse(t, 1, "is not the key name", l.args())
}

func TestUsage(t *testing.T) {
	l := newTestLog(t, "", 1)
	refuse(t, 2, "need -vkey", nil)
	refuse(t, 2, "need -vkey", []string{"-log", l.dir})
	refuse(t, 2, "need -vkey", l.args("extra"))
	refuse(t, 2, "not defined", l.args("-nonsense"))
	refuse(t, 0, "-all-tiles", []string{"-h"})
	refuse(t, 1, "unsupported URL scheme", []string{"-vkey", testVkey, "-log", "ftp://example.org"})
}

func TestSampleIndexes(t *testing.T) {
	for _, size := range []int64{1, 2, 256, 257, 1999, 2000, 2001, 2049, 5000, 65536, 255999, 256000, 256257, 300000} {
		got := sampleIndexes(size)
		edges := 0
		for i := int64(0); i < size; i++ {
			if i%256 == 0 || i%256 == 255 || i == size-1 {
				edges++
				if _, found := slices.BinarySearch(got, i); !found {
					t.Fatalf("size %d: edge %d not sampled", size, i)
				}
			}
		}
		if want := max(min(int(size), 2000), edges); len(got) != want {
			t.Errorf("size %d: %d sampled, want %d", size, len(got), want)
		}
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) || got[len(got)-1] >= size {
			t.Errorf("size %d: not a sorted list of distinct indexes", size)
		}
	}
}

func TestFormatN(t *testing.T) {
	for n, want := range map[int64]string{
		0: "000", 7: "007", 999: "999", 1000: "x001/000", 1234067: "x001/x234/067", 123456789: "x123/x456/789",
	} {
		if got := formatN(n); got != want {
			t.Errorf("formatN(%d) = %q, want %q", n, got, want)
		}
	}
}
