/** What goes over the wire: bytes sent, and the server's whole answer. Where a cas is counted by the server it is `c#`. */
export interface Exchange {
  readonly title: string
  /** What the server must know. */
  readonly needs: 'meta protocol' | 'explicit cas' | 'conditional get'
  readonly sent: string
  readonly got: string
}

/** In this order on one server; each name is used by one exchange, or by neighbours. */
export const goldenExchanges: readonly Exchange[] = [
  {
    title: 'a miss bears its number',
    needs: 'meta protocol',
    sent: 'mg a v O12\r\nmd a O13\r\nmg a v q O14\r\nmn\r\n',
    got: 'EN O12\r\nNF O13\r\nMN\r\n',
  },
  {
    title: 'a lease is won once, and lost by everybody else',
    needs: 'meta protocol',
    sent: 'mg b c v N10 O1\r\nmg b c v N10 O2\r\nmg b v O3\r\n',
    got: 'VA 0 c# O1 W\r\n\r\nVA 0 c# O2 Z\r\n\r\nVA 0 O3 Z\r\n\r\n',
  },
  {
    title: 'a value is stored, kept from a second adder, and comes back with what was asked for',
    needs: 'meta protocol',
    sent: 'ms c 5 T0 F7 c O1\r\nhello\r\nms c 1 ME O2\r\nx\r\nmg c v c f t s k O3\r\n',
    got: 'HD c# O1\r\nNS O2\r\nVA 5 c# f7 t-1 s5 kc O3\r\nhello\r\n',
  },
  {
    title: 'a stale mark is won once, and the value is still there',
    needs: 'meta protocol',
    sent: 'ms d 2 O1\r\nv1\r\nmd d I T30 O2\r\nmg d v O3\r\nmg d v O4\r\n',
    got: 'HD O1\r\nHD O2\r\nVA 2 O3 X W\r\nv1\r\nVA 2 O4 Z X\r\nv1\r\n',
  },
  {
    title: 'another cas is not stored over',
    needs: 'meta protocol',
    sent: 'ms e 1 O1\r\nx\r\nms e 1 C1 O2\r\ny\r\nmd e C1 O3\r\nmd e O4\r\nms e 1 C1 O5\r\ny\r\n',
    got: 'HD O1\r\nEX O2\r\nEX O3\r\nHD O4\r\nNF O5\r\n',
  },
  {
    title: 'a key of any bytes is base64',
    needs: 'meta protocol',
    sent: 'ms YSBiDQo= 2 b T60 O1\r\nhi\r\nmg YSBiDQo= b k v O2\r\n',
    got: 'HD O1\r\nVA 2 kYSBiDQo= b O2\r\nhi\r\n',
  },
  {
    title: 'a batch keeps quiet about what is done and what is missing',
    needs: 'meta protocol',
    sent: 'ms f 1 q O1\r\n1\r\nmg nof v q O2\r\nmg f v q O3\r\nmd f q O4\r\nmd f q O5\r\nmn\r\n',
    got: 'VA 1 O3\r\n1\r\nNF O5\r\nMN\r\n',
  },
  {
    title: 'a counter is made, and counted',
    needs: 'meta protocol',
    sent: 'ma g N0 J100 v O1\r\nma g v O2\r\n',
    got: 'VA 3 O1\r\n100\r\nVA 3 O2\r\n101\r\n',
  },
  {
    title: 'a lease bears the cas that its winner chose, and another one does not fill it',
    needs: 'explicit cas',
    sent:
      'mg h c v N10 E7777001 O1\r\nmg h c v N10 E7777002 O2\r\n' +
      'ms h 1 C7777002 E8 O3\r\nx\r\nms h 1 C7777001 E9 c O4\r\ny\r\nmg h v c O5\r\n',
    got: 'VA 0 c7777001 O1 W\r\n\r\nVA 0 c7777001 O2 Z\r\n\r\n' + 'EX O3\r\nHD c9 O4\r\nVA 1 c9 O5\r\ny\r\n',
  },
  {
    title: 'a token is minted by whoever reads it first, as a cas of 64 bits and no value',
    needs: 'explicit cas',
    sent: 'mg i c N0 E18446744073709551614 O1\r\nmg i c N0 E5 O2\r\nms i 0 E6 T0 O3\r\n\r\nmg i c O4\r\n',
    got: 'HD c18446744073709551614 O1 W\r\nHD c18446744073709551614 O2 Z\r\nHD O3\r\nHD c6 O4\r\n',
  },
  {
    title: 'the write of an older version is stored as stale',
    needs: 'explicit cas',
    sent: 'ms j 3 E102 O1\r\nnew\r\nms j 3 C101 E103 I O2\r\nold\r\nmg j v c O3\r\n',
    got: 'HD O1\r\nHD O2\r\nVA 3 c103 O3 X W\r\nold\r\n',
  },
  {
    title: 'a value that has not changed is not sent',
    needs: 'conditional get',
    sent: 'ms l 3 E29 O1\r\nabc\r\nmg l C29 v c O2\r\nmg l C28 v c O3\r\n',
    got: 'HD O1\r\nHD c29 O2\r\nVA 3 c29 O3\r\nabc\r\n',
  },
]
