// Reading tiles and entry bundles (https://c2sp.org/tlog-tiles): where files
// come from, what they are called, and how long they may be. Nothing read here
// is trusted; see verify.go.

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight // hashes in a full tile, entries in a full bundle

	maxCheckpoint = 1 << 20
	maxItemTile   = tlog.HashSize // × 256 = 8,192 bytes
	maxItemBundle = 2 + 65535     // × 256 = 16,777,472 bytes, after gunzip
)

// A source fetches one file of the log, refusing any longer than limit.
// A file that is not there gives an error that is fs.ErrNotExist.
type source interface {
	get(path string, limit int64) ([]byte, error)
}

func openSource(location string) (source, error) {
	switch scheme, _, isURL := strings.Cut(location, "://"); {
	case !isURL:
		return dirSource(location), nil
	case scheme == "http" || scheme == "https":
		client := &http.Client{Timeout: 30 * time.Second}
		return &httpSource{client, strings.TrimRight(location, "/")}, nil
	default:
		return nil, fmt.Errorf("unsupported URL scheme %q", scheme)
	}
}

type dirSource string

func (dir dirSource) get(path string, limit int64) ([]byte, error) {
	file := filepath.Join(string(dir), filepath.FromSlash(path))
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f, file, limit)
}

type httpSource struct {
	client *http.Client
	prefix string
}

// get leaves Accept-Encoding to net/http, which then gunzips by itself.
func (s *httpSource) get(path string, limit int64) ([]byte, error) {
	url := s.prefix + "/" + path
	resp, err := s.client.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return readLimited(resp.Body, url, limit)
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%s: %s: %w", url, resp.Status, fs.ErrNotExist)
	default:
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
}

func readLimited(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: longer than %d bytes", name, limit)
	}
	return data, nil
}

// A logReader reads tiles and bundles of the widths one tree size asks for.
// It is a tlog.TileReader, and keeps the tiles tlog has authenticated.
type logReader struct {
	src   source
	saved map[tlog.Tile][]byte
}

func newLogReader(src source) *logReader {
	return &logReader{src, make(map[tlog.Tile][]byte)}
}

func (r *logReader) Height() int { return tileHeight }

func (r *logReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		if known, ok := r.saved[t]; ok {
			data[i] = known
			continue
		}
		fresh, err := r.tile(t.L, t.N, t.W)
		if err != nil {
			return nil, err
		}
		data[i] = fresh
	}
	return data, nil
}

func (r *logReader) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, t := range tiles {
		r.saved[t] = data[i]
	}
}

// tile reads the first width hashes of a tile.
func (r *logReader) tile(level int, n int64, width int) ([]byte, error) {
	path := fmt.Sprintf("tile/%d/%s", level, formatN(n))
	data, got, err := r.fetch(path, width, maxItemTile)
	if err != nil {
		return nil, err
	}
	if len(data) != got*tlog.HashSize {
		return nil, fmt.Errorf("%s: %d bytes where %d hashes belong", path, len(data), got)
	}
	return data[:width*tlog.HashSize], nil
}

// bundle reads the first width entries of a bundle.
func (r *logReader) bundle(n int64, width int) ([][]byte, error) {
	path := "tile/entries/" + formatN(n)
	data, got, err := r.fetch(path, width, maxItemBundle)
	if err != nil {
		return nil, err
	}
	entries, err := splitBundle(data, got)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return entries[:width], nil
}

// fetch reads the partial file of this width. A log may drop it once the full
// one exists, so that is tried next; got says how many items the file holds.
func (r *logReader) fetch(path string, width int, maxItem int64) (data []byte, got int, err error) {
	if width < tileWidth {
		data, err := r.src.get(fmt.Sprintf("%s.p/%d", path, width), maxItem*int64(width))
		if !errors.Is(err, fs.ErrNotExist) {
			return data, width, err
		}
	}
	data, err = r.src.get(path, maxItem*tileWidth)
	if err != nil && width < tileWidth {
		err = fmt.Errorf("no partial of width %d, and in its place: %w", width, err)
	}
	return data, tileWidth, err
}

// splitBundle takes apart exactly count length-prefixed entries.
func splitBundle(data []byte, count int) ([][]byte, error) {
	entries := make([][]byte, 0, count)
	for len(entries) < count {
		if len(data) < 2 {
			return nil, fmt.Errorf("ends after %d of %d entries", len(entries), count)
		}
		size := int(binary.BigEndian.Uint16(data))
		if data = data[2:]; len(data) < size {
			return nil, fmt.Errorf("ends within entry %d of %d", len(entries)+1, count)
		}
		entries = append(entries, data[:size])
		data = data[size:]
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("%d bytes after the last of %d entries", len(data), count)
	}
	return entries, nil
}

// formatN writes a tile number in groups of three digits, all but the last
// marked with an x: 1234067 is x001/x234/067.
func formatN(n int64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}
