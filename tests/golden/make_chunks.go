// Makes chunks.json: chunks of every encoding but XOR as Prometheus writes them, with what Prometheus reads from them.
// It stands in a folder of its own inside a checkout of Prometheus at commit d15adb9 (3.14) and is run there:
//     go run ./make_chunks > chunks.json; gzip -9n chunks.json

package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand"
	"os"
	"sort"
	"strconv"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

type H struct {
	Schema int32       `json:"schema"`
	Hint   uint8       `json:"hint"`
	ZT     string      `json:"zero_threshold"`
	ZC     string      `json:"zero_count"`
	Count  string      `json:"count"`
	Sum    string      `json:"sum"`
	Pos    [][2]string `json:"positive"`
	Neg    [][2]string `json:"negative"`
	Custom []string    `json:"custom_values"`
}
type S struct {
	T     int64  `json:"t"`
	ST    int64  `json:"st"`
	V     string `json:"v,omitempty"`
	Hist  *H     `json:"h,omitempty"`
	Stale bool   `json:"stale,omitempty"`
}
type C struct {
	Name     string `json:"name"`
	Encoding uint8  `json:"encoding"`
	Hex      string `json:"hex"`
	Samples  []S    `json:"samples"`
	// Of chunks too long to be listed: how many samples there are; the first and last five are.
	Count int `json:"count,omitempty"`
}

func bitsOf(f float64) string { return strconv.FormatUint(math.Float64bits(f), 16) }

func dump(fh *histogram.FloatHistogram) *H {
	h := &H{Schema: fh.Schema, Hint: uint8(fh.CounterResetHint), ZT: bitsOf(fh.ZeroThreshold), ZC: bitsOf(fh.ZeroCount), Count: bitsOf(fh.Count), Sum: bitsOf(fh.Sum), Pos: [][2]string{}, Neg: [][2]string{}, Custom: []string{}}
	for it := fh.PositiveBucketIterator(); it.Next(); {
		b := it.At()
		if b.Count != 0 {
			h.Pos = append(h.Pos, [2]string{strconv.Itoa(int(b.Index)), bitsOf(b.Count)})
		}
	}
	for it := fh.NegativeBucketIterator(); it.Next(); {
		b := it.At()
		if b.Count != 0 {
			h.Neg = append(h.Neg, [2]string{strconv.Itoa(int(b.Index)), bitsOf(b.Count)})
		}
	}
	for _, v := range fh.CustomValues {
		h.Custom = append(h.Custom, bitsOf(v))
	}
	return h
}

func read(name string, c chunkenc.Chunk) C {
	out := C{Name: name, Encoding: uint8(c.Encoding()), Hex: hex.EncodeToString(c.Bytes())}
	it := c.Iterator(nil)
	for vt := it.Next(); vt != chunkenc.ValNone; vt = it.Next() {
		s := S{T: it.AtT(), ST: it.AtST()}
		if vt == chunkenc.ValFloat {
			_, v := it.At()
			s.V = bitsOf(v)
		} else {
			_, fh := it.AtFloatHistogram(nil)
			if value.IsStaleNaN(fh.Sum) {
				s.Stale = true
			} else {
				s.Hist = dump(fh)
			}
		}
		out.Samples = append(out.Samples, s)
	}
	if it.Err() != nil {
		panic(it.Err())
	}
	return out
}

func spans(r *rand.Rand, n int, custom bool) ([]histogram.Span, int) {
	if n == 0 {
		return nil, 0
	}
	var out []histogram.Span
	total := 0
	for i := 0; i < n; i++ {
		off := int32(r.Intn(4))
		if i == 0 && !custom {
			off = int32(r.Intn(40) - 20)
		}
		if i > 0 {
			off++
		}
		l := uint32(1 + r.Intn(5))
		out = append(out, histogram.Span{Offset: off, Length: l})
		total += int(l)
	}
	return out, total
}

func makeHist(r *rand.Rand, kind string, schema int32, n int) []*histogram.Histogram {
	ps, pn := spans(r, 1+r.Intn(3), schema == -53)
	ns, nn := spans(r, r.Intn(3), false)
	zts := []float64{0, math.Ldexp(0.5, -127), 0.001, 1024}
	zt := zts[r.Intn(len(zts))]
	var custom []float64
	if schema == -53 {
		ns, nn, zt = nil, 0, 0
		last := 0
		for i, s := range ps {
			last += int(s.Offset) + int(s.Length)
			_ = i
		}
		v := -3.0
		for i := 0; i < last; i++ {
			custom = append(custom, v)
			if i%3 == 0 {
				v += 2.5
			} else if i%3 == 1 {
				v += 1.0 / 3.0
			} else {
				v += 40000
			}
		}
	}
	abs := func(k int) []int64 {
		out := make([]int64, k)
		for i := range out {
			out[i] = int64(r.Intn(20))
			if kind == "counter" {
				out[i]++ // no bucket is empty: the layout leaves no choice
			}
		}
		return out
	}
	pa, na := abs(pn), abs(nn)
	zc := uint64(r.Intn(5))
	sum := 0.0
	var out []*histogram.Histogram
	for i := 0; i < n; i++ {
		var cnt uint64
		toDelta := func(a []int64) []int64 {
			d := make([]int64, len(a))
			var p int64
			for i, v := range a {
				d[i] = v - p
				p = v
				cnt += uint64(v)
			}
			return d
		}
		h := &histogram.Histogram{Schema: schema, ZeroThreshold: zt, ZeroCount: zc, Sum: sum, PositiveSpans: ps, NegativeSpans: ns, CustomValues: custom}
		h.PositiveBuckets = toDelta(pa)
		h.NegativeBuckets = toDelta(na)
		if schema == -53 {
			h.ZeroCount = 0
		}
		h.Count = cnt + h.ZeroCount
		if kind == "gauge" {
			h.CounterResetHint = histogram.GaugeType
		}
		out = append(out, h)
		for j := range pa {
			if kind == "gauge" {
				pa[j] = int64(r.Intn(30))
			} else {
				pa[j] += int64(r.Intn(3) * r.Intn(1+r.Intn(1000)))
			}
		}
		for j := range na {
			if kind != "gauge" {
				na[j] += int64(r.Intn(3))
			}
		}
		zc += uint64(r.Intn(2))
		sum += r.Float64() * 100
		if r.Intn(5) == 0 {
			sum = math.Round(sum)
		}
	}
	return out
}

func sorted[T any](named map[string]T) []string {
	var names []string
	for name := range named {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func write(all []C) {
	b, _ := json.Marshal(all)
	os.Stdout.Write(b)
	fmt.Fprintln(os.Stderr, len(all))
}

func main() {
	if len(os.Args) > 1 {
		write(edgeChunks())
		return
	}
	r := rand.New(rand.NewSource(20261121))
	var all []C
	stepTime := func(t int64) int64 {
		switch r.Intn(10) {
		case 0:
			return t + 15000 + int64(r.Intn(2000))
		case 1:
			return t + int64(r.Intn(1<<30))
		case 2:
			return t + 15001
		case 3:
			if r.Intn(8) == 0 {
				return t + (1 << 45)
			}
			return t + 15000
		default:
			return t + 15000
		}
	}
	for _, enc := range []chunkenc.Encoding{chunkenc.EncHistogram, chunkenc.EncFloatHistogram, chunkenc.EncHistogramST, chunkenc.EncFloatHistogramST} {
		for _, kind := range []string{"counter", "gauge"} {
			for _, schema := range []int32{-4, 3, 8, -53} {
				for _, n := range []int{1, 3, 14} {
					for stMode := 0; stMode < 4; stMode++ {
						isST := enc == chunkenc.EncHistogramST || enc == chunkenc.EncFloatHistogramST
						if !isST && stMode > 0 {
							continue
						}
						if isST && n > 40 && schema != 3 {
							continue
						}
						c, err := chunkenc.NewEmptyChunk(enc)
						if err != nil {
							panic(err)
						}
						app, err := c.Appender()
						if err != nil {
							panic(err)
						}
						t := int64(1700000000000) + int64(r.Intn(100000))
						if r.Intn(6) == 0 {
							t = -t
						}
						st := int64(0)
						if stMode == 1 || stMode == 3 {
							st = t - int64(r.Intn(100000))
						}
						hs := makeHist(r, kind, schema, n)
						for i, h := range hs {
							if stMode == 2 && i == n/2 || stMode == 3 && r.Intn(4) == 0 {
								st = t - int64(r.Intn(10000))
							}
							stale := i == n-1 && n > 2 && r.Intn(3) == 0
							var nc chunkenc.Chunk
							if enc == chunkenc.EncHistogram || enc == chunkenc.EncHistogramST {
								if stale {
									h = &histogram.Histogram{Sum: math.Float64frombits(value.StaleNaN), CounterResetHint: h.CounterResetHint}
								}
								nc, _, app, err = app.AppendHistogram(nil, st, t, h, true)
							} else {
								fh := h.ToFloat(nil)
								if kind == "counter" {
									fh.Mul(1 + 1.0/1024)
								}
								if r.Intn(3) == 0 {
									fh.Sum += 0.1
								}
								if stale {
									fh = &histogram.FloatHistogram{Sum: math.Float64frombits(value.StaleNaN), CounterResetHint: h.CounterResetHint}
								}
								nc, _, app, err = app.AppendFloatHistogram(nil, st, t, fh, true)
							}
							if err != nil || nc != nil {
								break
							}
							t = stepTime(t)
						}
						all = append(all, read(fmt.Sprintf("%s %s schema %d, %d samples, start times %d", enc, kind, schema, n, stMode), c))
					}
				}
			}
		}
	}
	for _, n := range []int{1, 2, 3, 40, 130} {
		for stMode := 0; stMode < 4; stMode++ {
			for vMode := 0; vMode < 3; vMode++ {
				c := chunkenc.NewXOR2Chunk()
				app, _ := c.Appender()
				t := int64(1700000000000) + int64(r.Intn(100000))
				st := int64(0)
				if stMode == 1 || stMode == 3 {
					st = t - int64(r.Intn(100000))
				}
				v := float64(r.Intn(1000))
				for i := 0; i < n; i++ {
					if stMode == 2 && i == n/2 || stMode == 3 && r.Intn(4) == 0 {
						st = t - int64(r.Intn(10000))
					}
					x := v
					if r.Intn(12) == 0 {
						x = math.Float64frombits(value.StaleNaN)
					} else if r.Intn(20) == 0 {
						x = []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64, 5e-324}[r.Intn(6)]
					}
					app.Append(st, t, x)
					t = stepTime(t)
					switch vMode {
					case 1:
						v += float64(r.Intn(10))
					case 2:
						v = r.NormFloat64()
					}
				}
				all = append(all, read(fmt.Sprintf("xor2 values %d, %d samples, start times %d", vMode, n, stMode), c))
			}
		}
	}
	write(all)
}
