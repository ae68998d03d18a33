// Foreign-verifier checks a Wheeltap log with code that shares nothing with
// Wheeltap: the signed notes and Merkle proofs of golang.org/x/mod/sumdb.
//
// It reads the static tlog-tiles layout (https://c2sp.org/tlog-tiles) from a
// directory or over HTTP, trusts only the verifier key it is given, and writes
// nothing. It does not look at cosignatures, nor at what the entries mean.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type config struct {
	vkey       string
	log        string   // directory or http(s) URL
	checkpoint string   // file to use in place of the log's own checkpoint
	old        []string // files of earlier checkpoints
	checks     checks
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings passed in. It returns the exit code:
// 0 for a good log, 1 for any failure, 2 for wrong usage.
func run(args []string, stdout, stderr io.Writer) int {
	cfg, err := parseArgs(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2 // parseArgs has said why
	}
	summary, err := verifyLog(cfg)
	if err != nil {
		fmt.Fprintf(stderr, "foreign-verifier: %v\n", err)
		return 1
	}
	fmt.Fprintln(stdout, summary)
	return 0
}

func parseArgs(args []string, stderr io.Writer) (config, error) {
	var cfg config
	flags := flag.NewFlagSet("foreign-verifier", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&cfg.vkey, "vkey", "", "verifier `key` of the log (Ed25519); its name is the origin")
	flags.StringVar(&cfg.log, "log", "", "`directory` or http(s) URL that holds checkpoint and tile/")
	flags.StringVar(&cfg.checkpoint, "checkpoint", "", "`file` to use in place of the log's own checkpoint")
	flags.Func("old", "`file` with an earlier checkpoint the log must extend (repeatable)", func(file string) error {
		cfg.old = append(cfg.old, file)
		return nil
	})
	flags.BoolVar(&cfg.checks.allPrefixes, "all-prefixes", false,
		fmt.Sprintf("prove consistency from every size up to %d", maxPrefixes))
	flags.BoolVar(&cfg.checks.allTiles, "all-tiles", false, "rebuild every tile from the entries and compare")

	if err := flags.Parse(args); err != nil {
		return cfg, err
	}
	if cfg.vkey == "" || cfg.log == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "need -vkey and -log, and no other arguments")
		flags.Usage()
		return cfg, errors.New("usage")
	}
	return cfg, nil
}

// verifyLog opens everything that is signed, then verifies what is not.
func verifyLog(cfg config) (summary string, err error) {
	verifier, err := note.NewVerifier(cfg.vkey)
	if err != nil {
		return "", fmt.Errorf("-vkey: %w", err)
	}
	src, err := openSource(cfg.log)
	if err != nil {
		return "", fmt.Errorf("-log: %w", err)
	}
	files := dirSource("") // takes paths as they are
	var tree tlog.Tree
	if cfg.checkpoint != "" {
		tree, err = loadTree(files, cfg.checkpoint, verifier)
	} else {
		tree, err = loadTree(src, "checkpoint", verifier)
	}
	if err != nil {
		return "", err
	}
	var olds []oldTree
	for _, file := range cfg.old {
		old, err := loadTree(files, file, verifier)
		if err != nil {
			return "", err
		}
		olds = append(olds, oldTree{file, old})
	}
	done, err := cfg.checks.run(newLogReader(src), tree, olds)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("OK origin=%s size=%d root=%s inclusion=%d consistency=%d",
		verifier.Name(), tree.N, tree.Hash, done.inclusion, done.consistency), nil
}
