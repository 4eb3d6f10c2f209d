// Makes index.hex.gz: the index file that Prometheus' own writer makes for a few series, printed as hexadecimal digits.
// It stands in a folder of its own with a go.mod that requires github.com/prometheus/prometheus v0.42.0 (2.42):
//
//	go run . | gzip -9n > index.hex.gz
package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	folder, err := os.MkdirTemp("", "index")
	must(err)
	defer os.RemoveAll(folder)
	var series []labels.Labels
	for i := 0; i < 70; i++ {
		series = append(series, labels.FromStrings("__name__", "up", "instance", fmt.Sprintf("host-%02d", i)))
	}
	series = append(series,
		labels.FromStrings("__name__", "größe", "ключ", "значение"),
		labels.FromStrings("__name__", "long", "text", strings.Repeat("x", 300)),
		labels.FromStrings("a", "1"),
		labels.FromStrings("a", "1", "b", "2"),
		labels.FromStrings("a", "\xff\xfe"),
	)
	sort.Slice(series, func(i, j int) bool { return labels.Compare(series[i], series[j]) < 0 })
	symbols := map[string]struct{}{"": {}}
	for _, s := range series {
		for _, l := range s {
			symbols[l.Name], symbols[l.Value] = struct{}{}, struct{}{}
		}
	}
	var sorted []string
	for s := range symbols {
		sorted = append(sorted, s)
	}
	sort.Strings(sorted)
	path := filepath.Join(folder, "index")
	w, err := index.NewWriter(context.Background(), path)
	must(err)
	for _, s := range sorted {
		must(w.AddSymbol(s))
	}
	for i, s := range series {
		var metas []chunks.Meta
		for c := 0; c <= i%4; c++ {
			low := int64(1700000000000) + int64(c)*7200000 + int64(i)
			metas = append(metas, chunks.Meta{Ref: chunks.ChunkRef(8 + i*100000 + c*1000), MinTime: low, MaxTime: low + int64(i*c)})
		}
		must(w.AddSeries(storage.SeriesRef(i), s, metas...))
	}
	must(w.Close())
	body, err := os.ReadFile(path)
	must(err)
	fmt.Println(hex.EncodeToString(body))
}
