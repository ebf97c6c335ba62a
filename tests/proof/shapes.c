/* Programs in the vocabulary of tests/proof/shapes.py: P_ becomes the prefix of each, "////" starts one, "///file" another file of it. */
//// merge
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = (P_src.word & 0xf0) | (P_src.word & 0x0f00);
	u64 x = P_src.word & 0xff;
	if (flag)
		x = P_src.word & 0xff00;
	P_sink1 = x;
}
//// gptr
u64 *P_gp;
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0;
	P_gp = &x;
	*P_gp = P_src.word;
	P_sink0 = x;
	P_gp = &P_global;
	*P_gp = P_src.word;
	P_sink1 = P_global;
	x = P_src.word;
	P_gp = &x;
	P_out.word = *P_gp;
}
//// gptr2
u64 *P_gp;
void P_store(u64 v)
{
	*P_gp = v;
}
u64 P_load(void)
{
	return *P_gp;
}
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0;
	P_gp = &x;
	P_store(P_src.word);
	P_sink0 = x;
	u64 y = P_src.word;
	P_gp = &y;
	P_sink1 = P_load();
}
//// link
void P_run(int flag, int mode, u64 given)
{
	struct P_in s = { 0 };
	struct P_out o = { .link = &s };
	o.link->a = P_src.word;
	P_sink0 = s.a;
	s.b = P_src.word;
	P_sink1 = o.link->b;
	P_shared.link->a = P_src.word;
	P_out.word = P_spare.a;
}
//// link2
void P_set(struct P_out *o, u64 v)
{
	o->link->a = v;
}
u64 P_get(struct P_out *o)
{
	return o->link->b;
}
void P_run(int flag, int mode, u64 given)
{
	struct P_in s = { 0 };
	struct P_out o = { .link = &s };
	P_set(&o, P_src.word);
	P_sink0 = s.a;
	s.b = P_src.word;
	P_sink1 = P_get(&o);
	P_set(&P_shared, P_src.word);
	P_out.word = P_spare.a;
}
//// fntable
static u64 P_f(u64 v) { return v & 0xff; }
static u64 P_g(u64 v) { return v & 0xff00; }
static u64 (*const P_tab[])(u64) = { P_f, P_g };
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_tab[flag & 1](P_src.word);
	P_sink1 = (flag ? P_f : P_g)(P_src.word);
	u64 (*fp)(u64) = P_f;
	if (mode)
		fp = &P_g;
	P_out.word = (*fp)(P_src.word);
}
//// opsptr
struct P_ops { u64 (*get)(u64 v); };
struct P_dev { const struct P_ops *ops; u64 v; };
static u64 P_f(u64 v) { return v & 0xff; }
static const struct P_ops P_o = { .get = P_f };
static struct P_ops P_rt;
typedef u64 (*P_fn)(u64);
static P_fn P_choose(int flag) { return flag ? P_f : NULL; }
void P_run(int flag, int mode, u64 given)
{
	struct P_dev d = { .ops = &P_o };
	P_sink0 = d.ops->get(P_src.word);
	P_rt.get = P_f;
	P_sink1 = P_rt.get(P_src.word);
	P_out.word = P_choose(1)(P_src.word);
}
//// memcpyword
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = 0;
	memcpy(&x, &P_src.word, sizeof(x));
	P_sink0 = x;
	memcpy(&y, &x, sizeof(y));
	P_sink1 = y;
	struct proof_source c;
	memcpy(&c, &P_src, sizeof(c));
	P_out.word = c.word;
}
//// memcpysink
void P_run(int flag, int mode, u64 given)
{
	memcpy(&P_sink0, &P_src.word, sizeof(u64));
	struct proof_sink s = { .word = P_src.word };
	P_out = s;
	u64 arr[2] = { 0, P_src.word };
	memcpy(&P_sink1, &arr[1], 8);
}
//// bitfield
struct P_bf { u32 lo : 4; u32 hi : 8; u64 wide : 40; };
void P_run(int flag, int mode, u64 given)
{
	struct P_bf b = { 0 };
	b.hi = P_src.word;
	P_sink0 = b.hi;
	b.wide = P_src.word;
	P_sink1 = b.wide;
}
//// backgoto
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = 0;
	int n = 0;
again:
	y = x;
	x = P_src.word;
	if (++n < 2)
		goto again;
	P_sink0 = y;
}
//// parith
void P_run(int flag, int mode, u64 given)
{
	u64 arr[4] = { 0 };
	u64 *p = &arr[1];
	p[1] = P_src.word;
	P_sink0 = arr[2];
	p++;
	*p = P_src.word;
	P_sink1 = arr[2];
	arr[0] = P_src.word;
	p = arr;
	P_out.word = *(p + 0);
}
//// parith2
void P_run(int flag, int mode, u64 given)
{
	u64 arr[4] = { 0 };
	u64 *p = arr;
	*(p + 2) = P_src.word;
	P_sink0 = arr[2];
	*p++ = 1;
	*p++ = P_src.word;
	P_sink1 = arr[1];
	int i = flag & 3;
	arr[i] = P_src.word;
	P_out.word = arr[3];
}
//// ptrcast
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = P_src.word;
	*(u32 *)&x = P_src.word;
	P_sink0 = x;
	P_sink1 = *(u32 *)&y;
	P_out.word = ((u8 *)&y)[1];
}
//// voidptr
u64 P_get(void *data)
{
	struct P_in *s = data;
	return s->a;
}
u64 P_getw(void *data)
{
	return *(u64 *)data;
}
void P_run(int flag, int mode, u64 given)
{
	struct P_in s = { .a = P_src.word };
	u64 x = P_src.word;
	P_sink0 = P_get(&s);
	P_sink1 = P_getw(&x);
	void *v = &s;
	P_out.word = ((struct P_in *)v)->a;
}
//// ptrstruct
struct P_h { u64 *p; };
struct P_h P_make(u64 *q) { struct P_h h = { .p = q }; return h; }
void P_fill(struct P_h h, u64 v) { *h.p = v; }
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = 0;
	struct P_h h = P_make(&x);
	*h.p = P_src.word;
	P_sink0 = x;
	struct P_h g = { &y };
	P_fill(g, P_src.word);
	P_sink1 = y;
}
//// condlvalue
void P_run(int flag, int mode, u64 given)
{
	u64 a = 0, b = 0;
	*(flag ? &a : &b) = P_src.word;
	P_sink0 = a;
	P_sink1 = b;
}
//// ptrptr
void P_get_ptr(u64 **out) { *out = &P_global; }
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = 0, *q = &x, **pp = &q;
	**pp = P_src.word;
	P_sink0 = x;
	*pp = &y;
	*q = P_src.word;
	P_sink1 = y;
	P_get_ptr(&q);
	*q = P_src.word;
	P_out.word = P_global;
}
//// maskparam
u64 P_cut(u64 x, u64 m) { return x & m; }
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_cut(P_src.word, 0xff);
	P_sink1 = P_cut(P_src.word, flag ? 0xff00 : 0x0f);
	P_out.word = P_cut(0xf0, P_src.word);
}
//// maskvar
static u64 P_m = 0xff;
void P_set(void) { P_m = ~0ULL; }
void P_run(int flag, int mode, u64 given)
{
	u64 m = 0xff, *q = &m;
	if (flag)
		m = 0xff00;
	P_sink0 = P_src.word & m;
	*q = 0xff0000;
	P_sink1 = P_src.word & m;
	P_set();
	P_out.word = P_src.word & P_m;
}
//// maskloop
void P_run(int flag, int mode, u64 given)
{
	u64 m = 1;
	for (int i = 0; i < 10; i++)
		m |= m << 1;
	P_sink0 = P_src.word & m;
	m = 0xff;
	for (int i = 0; i < 2; i++)
		m = ~m;
	P_sink1 = P_src.word & ~m;
	u64 n = 0xff;
	for (int i = 0; i < 3; i++)
		n = ~(n | 0xf00) ;
	P_out.word = P_src.word & n;
}
//// maskint
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_src.word & ~0xff;
	P_sink1 = P_src.word & (1 << 31);
	P_out.word = P_src.word & -256;
}
//// maskint2
void P_run(int flag, int mode, u64 given)
{
	int m = -256;
	P_sink0 = P_src.word & m;
	P_sink1 = P_src.word & (int)0x80000000;
	u32 n = ~0xffU;
	P_out.word = P_src.word & ~(u64)n;
}
//// maskint3
enum P_e { P_A = -8, P_B = 1 << 4 };
#define P_M (~0x7)
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_src.word & P_A;
	P_sink1 = P_src.word & P_M;
	P_out.word = P_src.word & ~P_B;
}
//// signcast
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = (u64)(int)P_src.word & 0xffffffff00000000ULL;
	int i = P_src.word;
	P_sink1 = i & 0xf00000000ULL;
	P_out.word = (u64)(signed char)P_src.word & 0xff00;
}
//// maskshift
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_src.word & (1ULL << (flag & 7));
	P_sink1 = P_src.word & (given >> 4);
	P_out.word = P_src.word & (0xffULL + mode);
}
//// maskmath
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_src.word & -(u64)(mode & 1);
	P_sink1 = P_src.word & (0x10ULL - 1);
	P_out.word = P_src.word & (0xffULL * 3);
}
//// maskmath2
void P_run(int flag, int mode, u64 given)
{
	u64 m = 0x10;
	m -= 1;
	P_sink0 = P_src.word & m;
	m++;
	P_sink1 = P_src.word & m;
	m <<= 3;
	m--;
	P_out.word = P_src.word & m;
}
//// maskincdec
void P_run(int flag, int mode, u64 given)
{
	u64 m = 0xf;
	u64 n = m++;
	P_sink0 = P_src.word & m;
	P_sink1 = P_src.word & n;
	m = 0x100;
	P_out.word = P_src.word & --m;
}
//// pair
void P_pair(u64 *first, u64 *second, u64 v)
{
	*first = v << 32;
}
void P_run(int flag, int mode, u64 given)
{
	P_pair(&P_shared.arr[2], &P_shared.arr[1], P_src.word);
	P_sink0 = P_shared.arr[2];
	P_pair(&P_sink1, &P_shared.arr[0], P_src.word);
}
//// pair2
void P_pair(u64 *first, u64 *second, u64 v)
{
	u32 h8 = P_src.word;
	*first = ((u64)h8 << 32);
}
void P_run(int flag, int mode, u64 given)
{
	P_pair(&P_shared.arr[2], &P_shared.arr[1], given);
	P_sink0 = P_shared.arr[2];
	P_pair(&P_sink1, &P_shared.arr[0], given);
}
//// pair3
void P_pair(u64 *first, u64 v)
{
	*first = P_src.word;
}
void P_run(int flag, int mode, u64 given)
{
	struct proof_sink *to = &P_out;
	P_pair(&P_shared.arr[2], given);
	to->word = P_shared.arr[2];
	P_pair(&P_sink1, given);
	P_pair(&P_global, 3);
	P_sink0 = P_global;
}
//// u8cast
void P_run(int flag, int mode, u64 given)
{
	u64 y = 0;
	if (flag)
		y = P_src.word;
	if (!(u8)flag)
		P_sink0 = y;
	if ((u8)flag == 0)
		P_sink1 = y;
}
//// u8param
u64 P_g(u8 mode, u64 v)
{
	if (mode)
		return 0;
	return v;
}
void P_f(u8 mode, u64 v)
{
	if (mode == 0)
		P_sink1 = v;
}
void P_run(int flag, int mode, u64 given)
{
	if (flag)
		P_sink0 = P_g(flag, P_src.word);
	P_f(256, P_src.word);
}
//// u8local
void P_run(int flag, int mode, u64 given)
{
	u8 f = flag;
	u64 y = 0;
	if (flag)
		y = P_src.word;
	if (!f)
		P_sink0 = y;
	u8 g = 256;
	if (!g)
		P_sink1 = P_src.word;
}
//// flagchange
static void P_clear(int *f) { *f = 0; }
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0;
	if (flag)
		x = P_src.word;
	P_clear(&flag);
	if (!flag)
		P_sink0 = x;
	u64 y = 0;
	if (mode)
		y = P_src.word;
	int *q = &mode;
	*q = 0;
	if (!mode)
		P_sink1 = y;
}
//// flagglobal
int P_flag;
static void P_clear(void) { P_flag = 0; }
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0;
	P_flag = flag;
	if (P_flag)
		x = P_src.word;
	P_clear();
	if (!P_flag)
		P_sink0 = x;
}
//// flagmember
struct P_s { int guest; u64 v; };
static void P_clear(struct P_s *s) { s->guest = 0; }
void P_run(int flag, int mode, u64 given)
{
	struct P_s s = { .guest = flag }, *p = &s;
	if (s.guest)
		s.v = P_src.word;
	p->guest = 0;
	if (!s.guest)
		P_sink0 = s.v;
	s.guest = mode;
	if (s.guest)
		s.v = P_src.word;
	P_clear(&s);
	if (!s.guest)
		P_sink1 = s.v;
}
//// parity
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = 0;
	for (int i = 0; i < 2; i++) {
		if (i == 1)
			P_sink0 = x;
		if (i == 0)
			x = P_src.word;
	}
	int first = 1;
	while (mode-- >= 0) {
		if (!first)
			P_sink1 = y;
		else
			y = P_src.word;
		first = 0;
	}
}
//// bittest
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = 0;
	if (flag & 2)
		x = P_src.word;
	if (flag == 3)
		P_sink0 = x;
	switch (flag) {
	case 1:
	case 2:
		y = P_src.word;
		break;
	default:
		break;
	}
	if (flag == 2)
		P_sink1 = y;
	if (flag & 1 && flag & 2)
		P_out.word = P_src.word;
}
//// knownclear
void P_run(int flag, int mode, u64 given)
{
	u64 x = P_src.word;
	if (!(x & 0xff)) {
		P_sink0 = x;
		x = x >> 4;
		P_sink1 = x;
	}
}
//// elvis
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_src.word ?: given;
	switch (flag) {
	case 1 ... 2:
		P_sink1 = P_src.word;
	}
}
//// armfn
#ifdef CONFIG_OFF
static u64 P_f(u64 v) { return 0; }
#else
static u64 P_f(u64 v) { return v; }
#endif
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_f(P_src.word);
}
//// armfn2
#define CONFIG_ON1 1
#ifdef CONFIG_ON1
static u64 P_f(u64 v) { return v; }
#else
static u64 P_f(u64 v) { return 0; }
#endif
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_f(P_src.word);
}
//// armmacro
#define CONFIG_ON2 1
#ifdef CONFIG_OFF
#define P_M(x) 0
#else
#define P_M(x) (x)
#endif
#ifdef CONFIG_ON2
#define P_N(x) (x)
#else
#define P_N(x) 0
#endif
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_M(P_src.word);
	P_sink1 = P_N(P_src.word);
}
//// armmask
#define CONFIG_ON3 1
#ifdef CONFIG_OFF
#define P_M 0xff
#else
#define P_M 0xff00
#endif
#ifdef CONFIG_ON3
#define P_N 0xff
#else
#define P_N 0xff00
#endif
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_src.word & P_M;
	P_sink1 = P_src.word & P_N;
}
//// armmember
struct P_s {
#ifdef CONFIG_OFF
	u32 pad;
#else
	u64 v;
#endif
	u64 w;
};
void P_run(int flag, int mode, u64 given)
{
	struct P_s s = {
#ifdef CONFIG_OFF
		.pad = 1,
#else
		.v = P_src.word,
#endif
		.w = P_src.word };
	P_sink0 = s.v;
	P_sink1 = s.w;
}
//// armexpr
void P_run(int flag, int mode, u64 given)
{
	u64 x = given
#ifdef CONFIG_OFF
		& 0
#else
		^ P_src.word
#endif
		;
	P_sink0 = x;
#ifdef CONFIG_OFF
	if (flag)
#endif
		P_sink1 = P_src.word;
}
//// armelse
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0;
	if (flag) {
		x = P_src.word;
#ifdef CONFIG_OFF
	} else if (mode) {
		x = given;
#endif
	} else {
		x = P_src.other;
	}
	P_sink0 = x;
}
//// macrogen
#define P_DEFINE_GET(n, m) static u64 P_get_##n(void) { return P_src.word & m; }
P_DEFINE_GET(lo, 0xff)
P_DEFINE_GET(hi, 0xff00)
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_get_lo();
	P_sink1 = P_get_hi();
}
//// macroret
#define P_CHECK(x) do { if (x) return P_src.word; } while (0)
#define P_LOOP(i, n) for (i = 0; i < n; i++)
#define P_FIELD(s, f) ((s).f)
#define P_CAT(a, b) a##b
#define P_ID(x) x
static u64 P_f(int flag) { P_CHECK(flag); return 0; }
void P_run(int flag, int mode, u64 given)
{
	int i;
	u64 x = 0;
	struct P_in s = { .a = P_src.word };
	P_sink0 = P_f(flag);
	P_LOOP(i, 2)
		x ^= P_FIELD(s, a) + i;
	P_sink1 = x;
	u64 val1 = P_src.word;
	P_out.word = P_ID(P_CAT(val, 1));
}
//// macroundef
#define P_M 0xff
static u64 P_f(u64 x) { return x & P_M; }
#undef P_M
#define P_M 0xff00
static u64 P_g(u64 x) { return x & P_M; }
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_f(P_src.word);
	P_sink1 = P_g(P_src.word);
}
//// macrolocal
#define P_SUM(a, b) ({ typeof(a) _a = (a); typeof(b) _b = (b); _a ^ _b; })
#define P_VARGS(x, ...) P_pick(x, ##__VA_ARGS__)
static u64 P_pick(int n, u64 a) { return a; }
#define P_SWAPPED(x, y) P_pick(y, x)
void P_run(int flag, int mode, u64 given)
{
	u64 _a = P_src.word;
	P_sink0 = P_SUM(given, P_SUM(given, P_src.word));
	P_sink1 = P_VARGS(1, P_src.word);
	P_out.word = P_SWAPPED(P_src.word, 1);
}
//// arrstruct
struct P_in P_tab[3];
void P_run(int flag, int mode, u64 given)
{
	struct P_in arr[2] = { [1] = { .a = P_src.word } };
	P_sink0 = arr[1].a;
	arr[0] = arr[1];
	P_sink1 = arr[0].a;
	P_tab[flag & 1].b = P_src.word;
	P_out.word = P_tab[1].b;
}
//// arr2
void P_run(int flag, int mode, u64 given)
{
	u64 m[2][2] = { { 0, P_src.word }, { 1, 2 } };
	P_sink0 = m[0][1];
	m[1][flag & 1] = P_src.word;
	P_sink1 = m[1][0];
	u64 a[2] = { P_src.word, 0 }, *p = a;
	P_out.word = *p;
}
//// arrparam
static void P_fill(u64 *to, int n, u64 v) { for (int i = 0; i < n; i++) to[i] = v; }
static u64 P_sum(const u64 *from, int n) { u64 s = 0; while (n--) s += *from++; return s; }
static u64 P_last(u64 from[], int n) { return from[n - 1]; }
void P_run(int flag, int mode, u64 given)
{
	u64 a[3] = { 0 };
	P_fill(a, 3, P_src.word);
	P_sink0 = a[2];
	P_sink1 = P_sum(a, 3);
	u64 b[2] = { 0, P_src.word };
	P_out.word = P_last(b, 2);
}
//// complit
static u64 P_get(const struct P_in *s) { return s->a; }
static struct P_in P_mk(u64 v) { return (struct P_in){ .b = v }; }
static struct P_in P_mk2(u64 v) { return (struct P_in){ v, v }; }
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_get(&(struct P_in){ .a = P_src.word });
	P_sink1 = P_mk(P_src.word).b;
	P_out.word = P_mk2(P_src.word).a;
}
//// decls
typedef struct { u64 v; } P_t;
typedef u64 P_word;
void P_run(int flag, int mode, u64 given)
{
	u64 a = P_src.word, b = a, *p = &b;
	P_sink0 = *p;
	__auto_type c = P_src.word;
	typeof(c) d = c;
	P_sink1 = d;
	P_t t = { P_src.word };
	const volatile P_word w = t.v;
	P_out.word = w;
}
//// shadow
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0;
	{
		u64 x = P_src.word;
		P_sink0 = x;
	}
	P_sink1 = x;
	u64 P_global = P_src.word;
	P_out.word = P_global;
}
//// duff
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0;
	int n = 2;
	switch (flag & 1) {
	case 0:
		do {
			x = P_src.word;
	case 1:
			P_sink0 = x;
		} while (--n > 0);
	}
}
//// asm
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = P_src.word, z = 0;
	asm volatile("mov %1, %0" : "=r"(x) : "r"(P_src.word));
	P_sink0 = x;
	asm volatile("" : "+r"(y));
	P_sink1 = y;
	asm volatile("mov %1, %0" : "=m"(z) : "r"(P_src.word) : "memory");
	P_out.word = z;
}
//// stmtret
static u64 P_f(u64 v)
{
	u64 x = ({ if (v & 1) return v; v >> 1; });
	return x;
}
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_f(P_src.word);
	u64 i, y = 0;
	P_sink1 = ({ for (i = 0; i < 2; i++) y += P_src.word; y; });
	P_out.word = (given++, flag) ? ({ u64 q = P_src.word; q; }) : 0;
}
//// structret
struct P_pt { struct P_in *in; u64 v; };
static struct P_pt P_wrap(struct P_in *s) { struct P_pt p; p.in = s; p.v = s->a; return p; }
void P_run(int flag, int mode, u64 given)
{
	struct P_in s = { .a = P_src.word };
	P_sink0 = P_wrap(&s).v;
	P_sink1 = P_wrap(&s).in->a;
	P_wrap(&s).in->b = P_src.word;
	P_out.word = s.b;
}
//// union2
union P_u { u64 w; struct { u32 lo; u32 hi; }; u8 b[8]; };
void P_run(int flag, int mode, u64 given)
{
	union P_u u = { .w = 0 };
	u.w = P_src.word;
	P_sink0 = u.hi;
	P_sink1 = u.b[3];
	u.w = 0;
	u.hi = P_src.word;
	P_out.word = u.w;
}
//// unionmask
union P_u { u64 w; struct { u32 lo; u32 hi; }; };
void P_run(int flag, int mode, u64 given)
{
	union P_u u = { .w = 0 };
	u.hi = P_src.word;
	P_sink0 = u.w & 0xffffffff00000000ULL;
	u.w = P_src.word;
	P_sink1 = u.hi & 0xff;
}
//// unionview
union P_u { u64 w; struct { u32 lo; u32 hi; }; };
struct P_s { u32 tag; union P_u u; };
static void P_low(u32 *to, u64 v) { *to = v; }
static u64 P_word(const struct P_s *s) { return s->u.w; }
void P_run(int flag, int mode, u64 given)
{
	struct P_s s = { 0 };
	P_low(&s.u.hi, P_src.word);
	P_sink0 = P_word(&s) & 0xffff00000000ULL;
	union P_u m = { .w = ~0ULL };
	m.hi = 0;
	P_sink1 = P_src.word & m.w;
	u64 x = P_src.word;
	*(u32 *)&x = 0;
	P_out.word = x & ~0xffULL;
}
//// partword
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = P_src.word;
	((u32 *)&x)[1] = P_src.word;
	P_sink0 = x & 0xff00000000ULL;
	P_sink1 = ((u8 *)&y)[1] & 0xf;
	u64 m = ~0ULL;
	((u32 *)&m)[1] = 0xff;
	P_out.word = P_src.word & m;
}
//// fill
static void P_fill(u64 *to, u64 v) { to[1] = v; }
static void P_fill0(u64 *to, u64 v) { to[0] = v; }
static void P_fills(u64 *to, u64 v) { *to = v; }
void P_run(int flag, int mode, u64 given)
{
	u64 a[3] = { 0 }, b[3] = { 0 }, c[3] = { 0 };
	P_fill(a, P_src.word);
	P_sink0 = a[1];
	P_fill0(b, P_src.word);
	P_sink1 = b[0];
	P_fills(c, P_src.word);
	P_out.word = c[0];
}
//// filli
static void P_fill(u64 *to, int i, u64 v) { to[i] = v; }
static u64 P_get(const u64 *from, int i) { return from[i]; }
static u64 P_get1(const u64 *from) { return from[1]; }
void P_run(int flag, int mode, u64 given)
{
	u64 a[3] = { 0 }, b[3] = { 0, P_src.word, 0 };
	P_fill(a, 2, P_src.word);
	P_sink0 = a[2];
	P_sink1 = P_get(b, 1);
	P_out.word = P_get1(b);
}
//// fillp
static void P_fill(u64 *to, u64 v) { to++; *to = v; }
static u64 P_get(const u64 *from) { from += 1; return *from; }
static u64 P_arr(u64 from[3]) { return from[2]; }
void P_run(int flag, int mode, u64 given)
{
	u64 a[3] = { 0 }, b[3] = { 0, P_src.word, P_src.word };
	P_fill(a, P_src.word);
	P_sink0 = a[1];
	P_sink1 = P_get(b);
	P_out.word = P_arr(b);
}
//// structarr
struct P_v { u64 x[4]; struct P_in in[2]; };
static void P_fill(struct P_v *v, int n, u64 w) { v->x[n] = w; v->in[1].a = w; }
static u64 P_get(struct P_in *in) { return in[1].a; }
void P_run(int flag, int mode, u64 given)
{
	struct P_v v = { { 0 } };
	P_fill(&v, 2, P_src.word);
	P_sink0 = v.x[2];
	P_sink1 = v.in[1].a;
	P_out.word = P_get(v.in);
}
//// iter
#define P_for_each(i, n) for (i = 0; i < n; i++)
#define P_for_each_in(p, arr, n) for (p = arr; p < arr + n; p++)
void P_run(int flag, int mode, u64 given)
{
	int i;
	u64 x = 0, arr[2] = { 0, P_src.word }, *p;
	P_for_each(i, 2)
		x ^= P_src.word + i;
	P_sink0 = x;
	u64 y = 0;
	P_for_each_in(p, arr, 2) {
		y ^= *p;
	}
	P_sink1 = y;
}
//// list
struct P_node { struct P_node *next; u64 v; };
void P_run(int flag, int mode, u64 given)
{
	struct P_node b = { NULL, P_src.word }, a = { &b, 0 };
	P_sink0 = a.next->v;
	u64 y = 0;
	for (struct P_node *p = &a; p; p = p->next)
		y ^= p->v;
	P_sink1 = y;
}
//// list2
struct P_node { struct P_node *next; u64 v; };
static u64 P_walk(struct P_node *p) { u64 y = 0; while (p) { y |= p->v; p = p->next; } return y; }
static u64 P_rec(struct P_node *p) { return p ? p->v | P_rec(p->next) : 0; }
void P_run(int flag, int mode, u64 given)
{
	struct P_node b = { NULL, P_src.word }, a = { &b, 0 };
	P_sink0 = P_walk(&a);
	P_sink1 = P_rec(&a);
}
//// list3
struct P_node { struct P_node *next; u64 v; };
static u64 P_walk(struct P_node *p) { u64 y = 0; while (p) { y |= p->v; p = p->next; } return y; }
static void P_last(struct P_node *p, u64 v) { while (p->next) p = p->next; p->v = v; }
void P_run(int flag, int mode, u64 given)
{
	struct P_node c = { NULL, P_src.word }, b = { &c, 0 }, a = { &b, 0 };
	P_sink0 = P_walk(&a);
	c.v = 0;
	P_last(&a, P_src.word);
	P_sink1 = c.v;
	u64 y = 0;
	for (struct P_node *p = &a; p; p = p->next)
		y ^= p->v;
	P_out.word = y;
}
//// linkstruct
struct P_h { u64 *p; struct { struct P_in *in; } deep; };
static struct P_h P_make(u64 *q, struct P_in *in) { return (struct P_h){ .p = q, .deep = { in } }; }
static void P_fill(const struct P_h *h, u64 v) { *h->p = v; h->deep.in->a = v; }
static u64 P_get(struct P_h h) { return h.deep.in->b; }
static void P_link(struct P_out *o, struct P_in *in) { o->link = in; }
static void P_through(struct P_out *o, u64 v) { o->link->a = v; }
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0;
	struct P_in in = { 0 }, other = { 0 };
	struct P_h h = P_make(&x, &in), g = h;
	P_fill(&g, P_src.word);
	P_sink0 = x & in.a;
	in.b = P_src.word;
	P_sink1 = P_get(h);
	struct P_out o = { 0 };
	P_link(&o, &other);
	P_through(&o, P_src.word);
	P_out.word = other.a;
}
//// linkcond
void P_run(int flag, int mode, u64 given)
{
	struct P_in in6 = { 0 };
	P_shared.link->b = P_src.word;
	P_sink0 = P_spare.b;
	if (mode)
		P_shared.link = &in6;
	P_shared.link->a |= P_src.word;
	P_sink1 = in6.a;
	P_shared.link->b = P_spare.b;
	P_out.word = in6.b;
}
//// linkloop
void P_run(int flag, int mode, u64 given)
{
	struct P_in in6 = { 0 };
	int n16 = 1;
	while (n16--) {
		if (mode && flag != 1) {
		} else {
			P_shared.link = &in6;
		}
	}
	P_shared.link->a |= P_src.word;
	P_sink1 = in6.a;
}
//// linkcall
static void P_set_link(void) { P_shared.link = &P_spare; }
static void P_into_link(u64 v) { P_shared.link->a = v; }
void P_run(int flag, int mode, u64 given)
{
	P_shared.link->a = P_src.word;
	P_set_link();
	P_sink0 = P_shared.link->a;
	P_spare.a = 0;
	P_shared.link = &P_shared.in;
	P_into_link(P_src.word);
	P_sink1 = P_shared.in.a;
}
//// arrtwo
static u64 P_first(const u64 *a, const u64 *b) { return a[0] | b[1]; }
static void P_swap2(u64 *a, int i, int j) { u64 t = a[i]; a[i] = a[j]; a[j] = t; }
static u64 *P_at(u64 *a, int i) { return &a[i]; }
static void P_pass(u64 *a, u64 v) { u64 *q = a + 1; *q = v; }
static void P_deep(struct P_out *o, u64 v) { P_pass(o->arr, v); }
void P_run(int flag, int mode, u64 given)
{
	u64 a[3] = { 0, P_src.word, 0 }, b[3] = { 0 };
	P_swap2(a, 0, 1);
	P_sink0 = P_first(a, b);
	struct P_out o = { 0 };
	P_deep(&o, P_src.word);
	P_sink1 = o.arr[1];
	*P_at(b, 2) = P_src.word;
	P_out.word = b[2];
}
//// arrcopy
static void P_zero(u64 *a, int n) { for (int i = 0; i < n; i++) *a++ = 0; }
static void P_copy(u64 *to, const u64 *from, int n) { while (n--) *to++ = *from++; }
static void P_mem(u64 *to, const u64 *from, size_t n) { memcpy(to, from, n * sizeof(u64)); }
struct P_v { u64 w[2]; };
static void P_row(struct P_v *v, u64 x) { v[1].w[1] = x; }
void P_run(int flag, int mode, u64 given)
{
	u64 a[3] = { 0, P_src.word, 0 }, b[3] = { 0 }, c[3] = { 0 };
	P_copy(b, a, 3);
	P_sink0 = b[1];
	P_mem(c, a, 3);
	P_sink1 = c[1];
	struct P_v v[2] = { 0 };
	P_row(v, P_src.word);
	P_zero(v[0].w, 2);
	P_out.word = v[1].w[1];
}
//// intparam
typedef int P_state;
enum P_en { P_E0, P_E1 };
static u64 P_pick(enum P_en e, u64 v) { switch (e) { case P_E0: return 0; case P_E1: return v; } return 0; }
static u64 P_high(unsigned char c, u64 v) { return c == 255 ? v : 0; }
static _Bool P_bo(u64 v) { return v; }
static u64 P_t(_Bool b, u64 v) { return b ? v : 0; }
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_pick(P_E1, P_src.word);
	P_sink1 = P_high(-1, P_src.word);
	u64 y = 0;
	if (flag & 0x100)
		y = P_src.word;
	P_out.word = P_t(flag & 0x300, y) ^ P_bo(0);
}
//// intequal
static u64 P_pick(int n, u64 v) { return n == -1 ? v : 0; }
static u64 P_un(unsigned int n, u64 v) { return n == 0xffffffff ? v : 0; }
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_pick(0xffffffff, P_src.word);
	P_sink1 = P_un(-1, P_src.word);
	int s = -1;
	u64 y = 0;
	if (s == -1)
		y = P_src.word;
	if ((u32)s == 0xffffffffU)
		P_out.word = y;
}
//// switchdefault
void P_run(int flag, int mode, u64 given)
{
	u64 y = 0, z = 0;
	u32 n = flag;
	if (n & 0x80000000)
		z = 1;
	if ((long)(int)n < 0)
		z = 2;
	switch (flag & 3) {
	case 0:
		break;
	default:
		y = P_src.word;
	}
	if (flag & 3)
		P_sink0 = y;
	if ((flag & 3) == 3)
		P_sink1 = y;
	if ((flag & 3) != 0)
		P_out.word = y + z;
}
//// tree
struct P_n { struct P_n *l; struct P_n *r; u64 v; };
static u64 P_sum(struct P_n *n) { return n ? n->v | P_sum(n->l) | P_sum(n->r) : 0; }
static void P_put(struct P_n *n, u64 v) { if (n->r) P_put(n->r, v); else n->v = v; }
static void P_add(struct P_n *head, struct P_n *n) { n->l = head->l; head->l = n; }
void P_run(int flag, int mode, u64 given)
{
	struct P_n c = { 0 }, b = { .r = &c }, a = { .l = &b };
	c.v = P_src.word;
	P_sink0 = P_sum(&a);
	c.v = 0;
	P_put(&b, P_src.word);
	P_sink1 = c.v;
	struct P_n head = { 0 }, one = { .v = P_src.word };
	P_add(&head, &one);
	P_out.word = head.l->v;
}
//// linkvia
struct P_n { struct P_n *l; u64 v; };
static void P_set(struct P_out *o, struct P_in *i) { o->link = i; }
static u64 P_use(struct P_out *o) { return o->link->a; }
static u64 P_both(struct P_in *i, u64 v) { struct P_out o = { 0 }; P_set(&o, i); o.link->a = v; return P_use(&o); }
struct P_c { struct P_out *o; };
static u64 P_two(struct P_c *c) { return c->o->link->b; }
static void P_cb(void *data) { struct P_c *c = data; c->o->link->b = P_src.word; }
static void P_run_cb(void (*fn)(void *), void *data) { fn(data); }
void P_run(int flag, int mode, u64 given)
{
	struct P_in i = { 0 }, j = { .b = P_src.word }, k = { 0 };
	P_sink0 = P_both(&i, P_src.word);
	struct P_out o = { .link = &j };
	struct P_c c = { &o };
	P_sink1 = P_two(&c);
	o.link = &k;
	P_run_cb(P_cb, &c);
	P_out.word = k.b;
}
//// rec
static u64 P_rec(int n, u64 v) { return n <= 0 ? v : P_rec(n - 1, v ^ P_src.word); }
static u64 P_rec2(int n, u64 a, u64 b) { return n <= 0 ? a : P_rec2(n - 1, b, a); }
static u64 P_even(int n, u64 v);
static u64 P_odd(int n, u64 v) { return n <= 0 ? 0 : P_even(n - 1, v); }
static u64 P_even(int n, u64 v) { return n <= 0 ? v : P_odd(n - 1, v); }
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_rec(3, 0);
	P_sink1 = P_rec2(3, 0, P_src.word);
	P_out.word = P_even(2, P_src.word);
}
//// recout
static void P_rec(int n, u64 *out) { if (n > 0) { P_rec(n - 1, out); return; } *out = P_src.word; }
static void P_rec3(int n, u64 *a, u64 *b) { if (n > 0) { P_rec3(n - 1, b, a); return; } *a = P_src.word; }
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = 0, z = 0;
	P_rec(2, &x);
	P_sink0 = x;
	P_rec3(1, &y, &z);
	P_sink1 = z;
}
//// static1
static u64 P_acc(u64 v) { static u64 last; u64 old = last; last = v; return old; }
static u64 *P_cell(void) { static u64 cell; return &cell; }
void P_run(int flag, int mode, u64 given)
{
	P_acc(P_src.word);
	P_sink0 = P_acc(0);
	*P_cell() = P_src.word;
	P_sink1 = *P_cell();
}
//// samestatic
static u64 P_h(u64 v) { return 0; }
u64 P_other(u64 v);
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = P_h(P_src.word);
	P_sink1 = P_other(P_src.word);
}
///file
u64 P_other(u64 v) { extern u64 P_f2(u64 v); return P_f2(v); }
///file
u64 P_f2(u64 v) { return v; }
//// globst
static struct P_in P_state;
static void P_save(u64 v) { P_state.a = v; }
static u64 P_restore(void) { return P_state.a; }
static void P_reset(void) { P_state = (struct P_in){ 0 }; }
static struct P_in *P_ref(void) { return &P_state; }
void P_run(int flag, int mode, u64 given)
{
	P_save(P_src.word);
	P_sink0 = P_restore();
	if (flag)
		P_reset();
	P_sink1 = P_state.a;
	P_ref()->b = P_src.word;
	P_out.word = P_ref()->b;
}
//// globcopy
static struct P_in P_a, P_b;
static void P_copy(struct P_in *to, const struct P_in *from) { *to = *from; }
static void P_mcopy(void *to, const void *from, size_t n) { memcpy(to, from, n); }
void P_run(int flag, int mode, u64 given)
{
	P_a.a = P_src.word;
	P_copy(&P_b, &P_a);
	P_sink0 = P_b.a;
	struct P_in x = { .b = P_src.word }, y;
	P_mcopy(&y, &x, sizeof(y));
	P_sink1 = y.b;
	P_b = P_a;
	P_out.word = P_b.a;
}
//// deep
static void P_l3(u64 *o, u64 v) { *o = v; }
static void P_l2(u64 *o, u64 v) { P_l3(o, v); }
static void P_l1(struct P_out *o, u64 v) { P_l2(&o->in.a, v); }
static u64 P_g3(const u64 *o) { return *o; }
static u64 P_g2(struct P_in *o) { return P_g3(&o->a); }
static u64 P_g1(struct P_out *o) { return P_g2(&o->in); }
void P_run(int flag, int mode, u64 given)
{
	struct P_out o = { .x = 0 };
	P_l1(&o, P_src.word);
	P_sink0 = o.in.a;
	P_sink1 = P_g1(&o);
	P_l1(&P_shared, P_src.word);
	P_out.word = P_g1(&P_shared);
}
//// deep2
static void P_l1(struct P_out *o, u64 v) { o->in.a = v; }
static u64 P_g1(struct P_out *o) { return o->in.a; }
static u64 P_chain(struct P_out *o, u64 v) { P_l1(o, v); return P_g1(o); }
static void P_swapin(struct P_out *o) { struct P_in t = o->in; o->in = P_spare; P_spare = t; }
void P_run(int flag, int mode, u64 given)
{
	struct P_out o = { .x = 0 };
	P_sink0 = P_chain(&o, P_src.word);
	P_swapin(&o);
	P_sink1 = P_spare.a;
	P_shared.in = P_spare;
	struct P_in *q = &P_shared.in;
	P_out.word = q->a;
}
//// alias
static void P_both(u64 *a, u64 *b, u64 v) { *a = v; *b = 0; P_sink0 = *a; }
static u64 P_same(u64 *a, u64 *b, u64 v) { *a = 0; *b = v; return *a; }
static u64 P_sames(struct P_in *a, struct P_in *b, u64 v) { a->a = 0; b->a = v; return a->a; }
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = 0;
	P_both(&x, &y, P_src.word);
	P_sink1 = P_same(&x, &x, P_src.word);
	struct P_in s = { 0 };
	P_out.word = P_sames(&s, &s, P_src.word);
}
//// alias2
static u64 P_same(struct P_out *o, struct P_in *b, u64 v) { o->in.a = 0; b->a = v; return o->in.a; }
static u64 P_glob(struct P_in *b, u64 v) { P_spare.a = 0; b->a = v; return P_spare.a; }
static u64 P_glob2(struct P_in *b, u64 v) { b->a = 0; P_spare.a = v; return b->a; }
void P_run(int flag, int mode, u64 given)
{
	struct P_out o = { .x = 0 };
	P_sink0 = P_same(&o, &o.in, P_src.word);
	P_sink1 = P_glob(&P_spare, P_src.word);
	P_out.word = P_glob2(&P_spare, P_src.word);
}
//// killer
static int P_try(u64 *out, int flag) { if (flag) return -1; *out = 0; return 0; }
static void P_loopkill(u64 *out, int n) { for (int i = 0; i < n; i++) *out = 0; }
void P_run(int flag, int mode, u64 given)
{
	u64 x = P_src.word, y = P_src.word, z = P_src.word, *p = &z;
	P_try(&x, flag);
	P_sink0 = x;
	P_loopkill(&y, mode);
	P_sink1 = y;
	if (flag)
		p = &y;
	*p = 0;
	P_out.word = z;
}
//// killer2
static void P_clear(struct P_in *s) { s->a = 0; }
static void P_callback(void (*fn)(struct P_in *), struct P_in *s) { if (fn) fn(s); }
static void P_exit(u64 *x, int flag) { if (flag) goto out; *x = 0; out: ; }
void P_run(int flag, int mode, u64 given)
{
	struct P_in s = { .a = P_src.word }, t = s;
	P_callback(flag ? P_clear : NULL, &s);
	P_sink0 = s.a;
	u64 x = P_src.word;
	P_exit(&x, flag);
	P_sink1 = x;
	struct P_in arr[2] = { { P_src.word }, { P_src.word } };
	arr[flag & 1].a = 0;
	P_out.word = arr[1].a;
}
//// xchg
#define P_xchg(p, v) ({ typeof(*(p)) __o = *(p); *(p) = (v); __o; })
void P_run(int flag, int mode, u64 given)
{
	u64 x = P_src.word, y = 0;
	y = P_xchg(&x, 0);
	P_sink0 = y;
	P_xchg(&P_global, P_src.word);
	P_sink1 = P_global;
}
//// meet
struct P_few { u64 few : 4; };
static u64 P_keep(u64 x, u64 y) { return x & ~y; }
void P_run(int flag, int mode, u64 given)
{
	u64 now = 0, before = 0, one = 0, two = P_src.word, kept, x = P_src.word, i;
	struct P_few f = { .few = x };
	P_sink0 = 0;
	P_sink1 = 0;
	for (i = 0; i < 2; i++) {
		before = now;
		now = i ? P_src.word : 0;
		P_sink0 |= P_keep(now, before);
		kept = one;
		one = two;
		two = kept;
		P_sink1 |= one & ~two;
	}
	P_out.word = x & ~(u64)f.few;
}
//// meetkind
void P_run(int flag, int mode, u64 given)
{
	u64 x = P_src.word;
	int narrow = x;
	u8 low = x;
	P_sink0 = x & ~(u64)(u32)narrow;
	P_sink1 = x ^ low;
	P_out.word = (x | 0xff) - (x & 0xf0f);
}
//// meetwhere
void P_run(int flag, int mode, u64 given)
{
	u64 one = 0, two = 0, *p = flag ? &one : &two;
	u64 set[2] = { 0, P_src.word };
	struct P_in a = { .a = P_src.word }, b = { 0 }, *q = flag ? &a : &b, *r = flag ? &b : &a;
	*p = P_src.word;
	P_sink0 = (one & ~two) | (two & ~one);
	P_sink1 = set[flag & 1] & ~set[mode & 1];
	P_sink1 |= set[mode & 1] & ~set[flag & 1];
	P_out.word = (q->a & ~r->a) | (r->a & ~q->a);
}
//// literal
static u64 *const P_ptrs[] = { &P_global, &P_src.other };
static u64 *const *P_table = (u64 *const[]){ &P_src.word, &P_src.other };
static struct P_in *P_made = &(struct P_in){ .a = 1, .b = 2 };
void P_run(int flag, int mode, u64 given)
{
	P_sink0 = *P_table[0];
	P_made->b = P_src.word;
	P_sink1 = P_made->b;
	P_out.word = *(u64 *[]){ &P_global, &P_src.word }[flag & 1] ^ (u64[]){ 0, P_src.word }[mode & 1];
}
//// offset
void P_run(int flag, int mode, u64 given)
{
	struct P_out s = { 0 };
	u64 *p = &s.in.b;
	*(u64 *)((char *)&s + offsetof(struct P_out, in.b)) = P_src.word;
	P_sink0 = s.in.b;
	P_sink1 = *(u64 *)((void *)&P_src + offsetof(struct proof_source, word));
	P_out.word = ((struct P_out *)((char *)p - offsetof(struct P_out, in.b)))->in.b;
}
//// boxread
struct P_box { struct P_in *in; u64 *word; u64 *other; };
u64 P_read(const struct P_box *box) { return *box->word; }
u64 P_read2(const struct P_box *box) { return *box->other; }
void P_run(int flag, int mode, u64 given)
{
	struct P_box *box = kzalloc(sizeof(*box), GFP_KERNEL);
	u64 w = P_src.word, z = 0;
	box->word = &w;
	box->other = &z;
	P_sink0 = P_read(box);
	P_sink1 = P_read2(box);
}
//// boxwrite
struct P_box { struct P_in *in; u64 *word; u64 *other; };
void P_write(struct P_box *box, u64 v) { *box->word = v; }
void P_run(int flag, int mode, u64 given)
{
	struct P_box *box = kzalloc(sizeof(*box), GFP_KERNEL);
	u64 w = 0, z = 0;
	box->word = &w;
	box->other = &z;
	P_write(box, P_src.word);
	P_sink0 = w;
	P_sink1 = z;
}
//// boxinner
struct P_box { struct P_in *in; u64 *word; };
void P_write(struct P_box *box, u64 v) { box->in->a = v; }
u64 P_read(const struct P_box *box) { return box->in->b; }
void P_run(int flag, int mode, u64 given)
{
	struct P_box *box = kzalloc(sizeof(*box), GFP_KERNEL);
	struct P_in in = { 0 };
	box->in = &in;
	P_write(box, P_src.word);
	P_sink0 = in.a;
	P_sink1 = in.b;
	in.b = P_src.word & 0xff;
	P_out.word = P_read(box);
}
//// boxparam
struct P_box { struct P_in *in; u64 *word; };
u64 P_read(const struct P_box *box) { return *box->word; }
void P_write(struct P_box *box, u64 v) { *box->word = v; }
u64 P_via(struct P_box *box, u64 v)
{
	u64 w = v;
	box->word = &w;
	return P_read(box);
}
u64 P_back(struct P_box *box, u64 v)
{
	u64 w = 0;
	box->word = &w;
	P_write(box, v);
	return w;
}
void P_run(int flag, int mode, u64 given)
{
	struct P_box box = { 0 };
	P_sink0 = P_via(&box, P_src.word);
	P_sink1 = P_back(&box, P_src.word);
}
//// boxattach
struct P_box { struct P_in *in; u64 *word; };
void P_attach(struct P_box *box, u64 *w) { box->word = w; }
u64 P_read(const struct P_box *box) { return *box->word; }
void P_write(struct P_box *box, u64 v) { *box->word = v; }
void P_run(int flag, int mode, u64 given)
{
	struct P_box *box = kzalloc(sizeof(*box), GFP_KERNEL), on = { 0 };
	u64 w = P_src.word, v = 0, x = 0;
	P_attach(box, &w);
	P_sink0 = P_read(box);
	P_attach(&on, &v);
	P_write(&on, P_src.word);
	P_sink1 = v;
	P_attach(box, &x);
	P_write(box, P_src.word);
	P_out.word = x;
}
//// boxnested
struct P_box { struct P_in *in; u64 *word; };
struct P_crate { int n; struct P_box box; struct P_box *more; };
u64 P_read(const struct P_crate *c) { return *c->box.word; }
u64 P_read_more(const struct P_crate *c) { return *c->more->word; }
void P_run(int flag, int mode, u64 given)
{
	struct P_crate *c = kzalloc(sizeof(*c), GFP_KERNEL);
	struct P_box *b = kzalloc(sizeof(*b), GFP_KERNEL);
	u64 w = P_src.word, v = P_src.word & 0xff0;
	c->box.word = &w;
	P_sink0 = P_read(c);
	b->word = &v;
	c->more = b;
	P_sink1 = P_read_more(c);
}
//// boxmask
struct P_box { struct P_in *in; u64 *word; };
void P_fill_box(struct P_box *box, u64 v)
{
	box->in->b = v;
	*box->word |= v;
}
void P_run(int flag, int mode, u64 given)
{
	u64 v1 = 0xff00ff00ff00ffULL;
	u64 v3 = P_src.other;
	struct P_box *box9 = kzalloc(sizeof(*box9), GFP_KERNEL);
	struct P_in in10 = { .a = v1 };
	u64 w11 = v1;
	box9->in = &in10;
	box9->word = &w11;
	P_fill_box(box9, v3);
	P_sink0 = w11 & P_src.word;
}
//// contup
void P_up(struct P_in *in, u64 v)
{
	struct P_out *o = container_of(in, struct P_out, in);
	o->x = v;
}
u64 P_from(struct P_in *in) { return container_of(in, struct P_out, in)->arr[1]; }
void P_run(int flag, int mode, u64 given)
{
	struct P_out o = { 0 };
	P_up(&o.in, P_src.word);
	P_sink0 = o.x;
	P_sink1 = o.arr[0];
	o.arr[1] = P_src.word;
	P_out.word = P_from(&o.in);
}
//// contdown
void P_up(struct P_in *in, u64 v) { container_of(in, struct P_out, in)->in.a = v; }
u64 P_from(struct P_in *in) { return container_of(in, struct P_out, in)->in.b; }
void P_run(int flag, int mode, u64 given)
{
	struct P_out o = { 0 };
	P_up(&o.in, P_src.word);
	P_sink0 = o.in.a;
	P_sink1 = o.in.b;
	o.in.b = P_src.word;
	P_out.word = P_from(&o.in);
}
//// conttwo
static void P_deep(struct P_in *in, u64 v) { container_of(in, struct P_out, in)->arr[2] = v; }
void P_up(struct P_in *in, u64 v) { P_deep(in, v); }
u64 P_deep2(struct P_in *in) { return container_of(in, struct P_out, in)->x; }
u64 P_from(struct P_in *in) { return P_deep2(in); }
void P_run(int flag, int mode, u64 given)
{
	struct P_out o = { 0 };
	P_up(&o.in, P_src.word);
	P_sink0 = o.arr[2];
	P_sink1 = o.x;
	o.x = P_src.word;
	P_out.word = P_from(&o.in);
}
//// contheap
void P_up(struct P_in *in, u64 v) { container_of(in, struct P_out, in)->x = v; }
u64 P_from(struct P_in *in) { return container_of(in, struct P_out, in)->arr[1]; }
void P_run(int flag, int mode, u64 given)
{
	struct P_out *o = kzalloc(sizeof(*o), GFP_KERNEL);
	P_up(&o->in, P_src.word);
	P_sink0 = o->x;
	P_sink1 = o->arr[0];
	o->arr[1] = P_src.word;
	P_out.word = P_from(&o->in);
}
//// contlist
struct P_head { struct P_head *next; };
struct P_node { u64 v; struct P_head head; u64 w; };
u64 P_sum(struct P_head *list)
{
	struct P_head *at;
	u64 all = 0;
	for (at = list->next; at; at = at->next)
		all |= container_of(at, struct P_node, head)->v;
	return all;
}
void P_fill(struct P_head *list, u64 v)
{
	struct P_head *at;
	for (at = list->next; at; at = at->next)
		container_of(at, struct P_node, head)->w = v;
}
void P_run(int flag, int mode, u64 given)
{
	struct P_node two = { .v = P_src.word }, one = { .head = { &two.head } };
	struct P_head list = { &one.head };
	P_sink0 = P_sum(&list);
	P_fill(&list, P_src.word);
	P_sink1 = two.w;
	P_out.word = one.w;
}
//// entries1
struct P_links { struct P_links *next; };
struct P_item { u64 v; struct P_links link; u64 w; };
#define P_each(pos, head) \
	for ((pos) = container_of((head)->next, __typeof__(*(pos)), link); \
	     &(pos)->link != (head); (pos) = container_of((pos)->link.next, __typeof__(*(pos)), link))
void P_list_add(struct P_links *entry, struct P_links *head)
{
	entry->next = head->next;
	head->next = entry;
}
u64 P_collect(struct P_links *head)
{
	struct P_item *pos;
	u64 sum = 0;
	P_each(pos, head) {
		sum |= pos->v;
	}
	return sum;
}
void P_run(int flag, int mode, u64 given)
{
	struct P_item item2 = { .v = P_src.word }, item3 = { .v = P_src.word & 0xff };
	struct P_links head4 = { &head4 }, head5 = { &head5 };
	P_list_add(&item2.link, &head4);
	P_sink0 = P_collect(&head4);
	P_list_add(&item3.link, &head5);
	P_sink1 = P_collect(&head5);
}
//// entries2
struct P_links { struct P_links *next; };
struct P_item { u64 v; struct P_links link; u64 w; };
#define P_each(pos, head) \
	for ((pos) = container_of((head)->next, __typeof__(*(pos)), link); \
	     &(pos)->link != (head); (pos) = container_of((pos)->link.next, __typeof__(*(pos)), link))
void P_list_add(struct P_links *entry, struct P_links *head)
{
	entry->next = head->next;
	head->next = entry;
}
void P_run(int flag, int mode, u64 given)
{
	struct P_item item2 = { .v = P_src.word }, item3 = { 0 }, *pos;
	struct P_links head4 = { &head4 };
	u64 sum = 0;
	P_list_add(&item2.link, &head4);
	P_list_add(&item3.link, &head4);
	P_each(pos, &head4)
		sum |= pos->v;
	P_sink0 = sum;
	P_each(pos, &head4)
		pos->w = P_src.word;
	P_sink1 = item3.w;
	P_out.word = item2.w;
}
//// omember
#define P_USIZE a
#define P_INNER in.b
#define P_ARR(n) arr[n]
#define P_IN in
void P_run(int flag, int mode, u64 given)
{
	struct P_out o = { 0 }, *p = &o;
	struct P_in i = { 0 };
	i.P_USIZE = P_src.word;
	P_sink0 = i.a;
	p->P_INNER = P_src.word;
	P_sink1 = o.in.b;
	o.P_ARR(2) = P_src.word;
	P_out.word = p->arr[2] | o.P_IN.a;
}
//// omember2
#define P_USIZE a
#define P_INNER in.b
#define P_ARR(n) arr[n]
void P_run(int flag, int mode, u64 given)
{
	struct P_out o = { .P_INNER = P_src.word }, *p = &o;
	struct P_in i = { .P_USIZE = P_src.word };
	P_sink0 = i.P_USIZE;
	P_sink1 = o.P_INNER;
	P_out.word = p->P_ARR(1);
}
//// omember3
#define P_USIZE a
#define P_WAY in.P_USIZE
#define P_LINK link->b
static u64 P_get(struct P_out *o) { return o->P_WAY; }
static void P_set(struct P_out *o, u64 v) { o->P_LINK = v; WRITE_ONCE(o->P_WAY, v); }
void P_run(int flag, int mode, u64 given)
{
	P_set(&P_shared, P_src.word);
	P_sink0 = P_get(&P_shared);
	P_sink1 = P_spare.b | P_shared.P_LINK;
	u64 *p = &P_shared.in.P_USIZE;
	P_out.word = *p | P_spare.a;
}
//// omember4
#define P_USIZE a
#ifdef P_SWITCH
#define P_SIDE in.a
#else
#define P_SIDE in.b
#endif
#define P_DEEP(n) in.P_USIZE
void P_run(int flag, int mode, u64 given)
{
	struct P_out o = { 0 }, p = { .arr = { [1] = P_src.word } };
	o.P_SIDE = P_src.word;
	P_sink0 = o.in.a | o.in.b;
	P_sink1 = o.x | o.P_DEEP(0);
	P_out.word = p.arr[1];
}
//// fmember
#define P_A(p) ((p)->a)
#define P_B(p) (p)->in.b
#define P_FIELD(p, f) ((p)->f)
#define P_PICK(o, n) (o).arr[n]
void P_run(int flag, int mode, u64 given)
{
	struct P_out o = { 0 };
	struct P_in i = { 0 };
	P_A(&i) = P_src.word;
	P_sink0 = i.a;
	P_B(&o) |= P_src.word;
	P_sink1 = o.in.b;
	P_PICK(o, 1) = P_src.word;
	P_FIELD(&o, in.a) = P_src.word;
	P_out.word = o.arr[1] ^ o.in.b;
	P_out.word = o.in.a | o.arr[1];
}
//// fmember2
#define P_A(p) ((p)->a)
#define P_FIELD(p, f) ((p)->f)
#define P_fast(p) P_FIELD(p, in.a)
void P_set(u64 *to, u64 v) { *to = v; }
void P_run(int flag, int mode, u64 given)
{
	struct P_out o = { 0 };
	struct P_in i = { 0 };
	P_set(&P_A(&i), P_src.word);
	P_sink0 = i.a;
	P_fast(&o) = P_src.word;
	P_sink1 = o.in.a;
	P_out.word = i.b;
}
//// unionparts
struct P_u { union { struct { u64 a; u64 b; } one; struct { u64 c; u64 d; } two; }; u64 e; };
void P_run(int flag, int mode, u64 given)
{
	struct P_u u = { 0 };
	u.one.a = P_src.word;
	P_sink0 = u.two.c;
	P_sink1 = u.two.d;
	u.one.b = P_src.word;
	P_out.word = u.two.d;
}
//// unionpartsmem
struct P_u { union { struct { u64 a; u64 b; } one; struct { u64 c; u64 d; } two; }; u64 e; };
struct P_u P_gu;
static void P_set(struct P_u *u, u64 v) { u->one.a = v; }
static u64 P_get(struct P_u *u) { return u->two.c; }
static u64 P_get2(struct P_u *u) { return u->two.d; }
void P_run(int flag, int mode, u64 given)
{
	P_set(&P_gu, P_src.word);
	P_sink0 = P_get(&P_gu);
	P_sink1 = P_get2(&P_gu);
	struct P_u u = { 0 };
	P_set(&u, P_src.word);
	P_out.word = P_get(&u);
}
//// unionhalves
union P_u { u64 all; u32 half[2]; };
void P_run(int flag, int mode, u64 given)
{
	union P_u u = { .all = P_src.word };
	P_sink0 = u.half[0];
	P_sink1 = u.half[1];
	u.half[0] = 0;
	P_out.word = u.all;
}
//// unionlow
union P_u { u64 all; u32 lo; struct { u32 first, second; }; u8 b; };
void P_run(int flag, int mode, u64 given)
{
	union P_u u = { .all = P_src.word };
	P_sink0 = u.first & 0xff;
	P_sink1 = u.b;
	u.lo = 0;
	P_out.word = u.all;
}
//// bitfieldcut
struct P_bf { u64 lo : 10; u64 hi : 54; };
void P_run(int flag, int mode, u64 given)
{
	struct P_bf b = { .lo = P_src.word, .hi = P_src.word >> 10 };
	P_sink0 = b.lo;
	P_sink1 = b.hi;
}
//// bitfieldmore
struct P_bf { u32 one : 1, two : 7; u64 : 3; u64 wide : 40; int low : 8; };
static void P_set(struct P_bf *b, u64 v) { b->two = v; }
void P_run(int flag, int mode, u64 given)
{
	struct P_bf b = { .one = P_src.word };
	P_sink0 = b.one;
	b.wide = P_src.word;
	P_sink1 = ~b.wide | b.two;
	P_set(&b, P_src.word);
	b.low = P_src.word;
	P_out.word = b.low ^ b.two;
}
//// castprefix
struct P_hdr { u64 a; u64 b; };
struct P_big { u64 a; u64 b; u64 c; };
struct P_emb { struct P_hdr h; u64 c; };
void P_run(int flag, int mode, u64 given)
{
	struct P_big big = { .a = P_src.word };
	struct P_hdr *h = (struct P_hdr *)&big;
	P_sink0 = h->a;
	P_sink1 = h->b;
	h->b = P_src.word;
	P_out.word = big.b;
}
//// castembed
struct P_hdr { u64 a; u64 b; };
struct P_emb { struct P_hdr h; u64 c; };
void P_set(struct P_hdr *h, u64 v) { ((struct P_emb *)h)->c = v; }
u64 P_get(struct P_hdr *h) { return ((struct P_emb *)h)->h.b; }
void P_run(int flag, int mode, u64 given)
{
	struct P_emb e = { .h = { .a = P_src.word } };
	struct P_hdr *h = (struct P_hdr *)&e;
	P_sink0 = h->a;
	P_sink1 = e.c;
	P_set(&e.h, P_src.word);
	e.h.b = P_src.word & 0xff;
	P_out.word = e.c | P_get(&e.h);
}
//// castheap
struct P_hdr { u64 a; u64 b; };
struct P_big { u64 a; u64 b; u64 c; };
void P_set(void *p, u64 v) { ((struct P_hdr *)p)->b = v; }
void P_run(int flag, int mode, u64 given)
{
	struct P_big *big = kzalloc(sizeof(*big), GFP_KERNEL);
	struct P_hdr *h = (struct P_hdr *)big;
	big->a = P_src.word;
	P_sink0 = h->a;
	P_sink1 = h->b;
	P_set(big, P_src.word);
	P_out.word = big->b;
}
//// castcall
struct P_hdr { u64 a; u64 b; };
struct P_big { u64 a; u64 b; u64 c; };
void P_set(struct P_hdr *h, u64 v) { h->b = v; }
u64 P_get(struct P_hdr *h) { return h->a; }
void P_run(int flag, int mode, u64 given)
{
	struct P_big big = { .a = P_src.word };
	P_set((struct P_hdr *)&big, P_src.word);
	P_sink0 = big.b;
	P_sink1 = big.c;
	P_out.word = P_get((struct P_hdr *)&big);
}
//// castwhole
struct P_hdr { u64 a; u64 b; };
struct P_big { u64 x; u64 y; u64 c; };
void P_run(int flag, int mode, u64 given)
{
	struct P_big big = { .y = P_src.word };
	struct P_hdr h = *(struct P_hdr *)&big, g = { .a = P_src.word };
	P_sink0 = h.b;
	P_sink1 = h.a;
	*(struct P_hdr *)&big = g;
	P_out.word = big.x;
}
//// castfirst
void P_run(int flag, int mode, u64 given)
{
	switch (flag) {
	case 0:
		given = P_src.word;
	}
	P_sink0 = ((u64)(signed char)(given) & (u32)-256);
	P_sink1 = ((u64)(signed char)given & 0xffffff00);
}
//// chosen
typedef u64 (*P_fn)(u64 *to, u64 v);
u64 P_one(u64 *to, u64 v) { *to = v & 0xff; return 0; }
u64 P_two(u64 *to, u64 v) { *to = v & 0xff00; return v & 1; }
static P_fn P_choose(int k) { return k ? P_one : P_two; }
static u64 (*P_other(int k))(u64 *to, u64 v) { return k ? P_two : P_one; }
void P_run(int flag, int mode, u64 given)
{
	u64 x = 0, y = 0;
	P_sink1 = P_choose(flag)(&x, P_src.word);
	P_sink0 = x;
	P_other(flag)(&y, P_src.word);
	P_out.word = y;
}
