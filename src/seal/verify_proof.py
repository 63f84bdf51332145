# Is this entry what an audit log sealed? Exit code 0: it is. 5: it is not. 6: nothing that the policy trusts says so. 2: usage.
import base64, hashlib, json, os, re, sys
code = 2  # what the process exits with where the next thing does not hold
sys.excepthook = lambda _, error, trace: (print(f'not proved: {error}', file=sys.stderr), os._exit(code))
def need(holds, text): return holds or (_ for _ in ()).throw(ValueError(text))
def parse(what, text, pattern): return need(re.fullmatch(pattern, text, re.S), f'{what} is not as it must be').groups()
def decode(text): return need(base64.b64encode(base64.b64decode(text, validate=True)).decode() == text, 'damaged base64') and base64.b64decode(text)
def sha256(*parts): return hashlib.sha256(b''.join(part if isinstance(part, bytes) else part.encode('latin1') for part in parts)).digest()
need(len(sys.argv) == 4, 'usage: python3 verify_proof.py LINE_FILE PROOF_FILE POLICY_FILE')
line, proof, policy = (open(path, encoding='latin1', newline='').read() for path in sys.argv[1:])  # a character is a byte
P, L, D = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493, -121665 * pow(121666, -1, 2**255 - 19)  # Ed25519 of RFC 8032
def add(a, b): k = D * a[0] * b[0] * a[1] * b[1]; return (a[0] * b[1] + a[1] * b[0]) * pow(1 + k, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, P) % P
def times(n, a): return (0, 1) if n == 0 else add(times(n // 2, add(a, a)), a if n % 2 else (0, 1))
def point(data):
    y = int.from_bytes(data, 'little') % 2**255
    roots = [pow((y * y - 1) * pow(D * y * y + 1, -1, P), (P + 3) // 8, P) * pow(2, (P - 1) // 4 * n, P) % P for n in (0, 1)]
    return need([(x if x % 2 == data[31] >> 7 else P - x, y) for x in roots if (x * x * (D * y * y + 1) - y * y + 1) % P == 0], 'a key is no point')[0]
def is_true(key, message, signature):
    s, h = int.from_bytes(signature[32:], 'little'), int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), 'little')
    x, y = add(times(s, point(b'\x58' + b'\x66' * 31)), times(h % L, (-point(key)[0], point(key)[1])))
    return s < L and signature[:32] == (y | x % 2 << 255).to_bytes(32, 'little')
code = 5  # The proof: the leaf's index, the hashes beside its way up, the checkpoint, and who signed that.
index, path, _, note = parse('the proof', proof, r'c2sp\.org/tlog-proof@v1\nindex (0|[1-9][0-9]{0,15})\n((\S{44}\n){0,53})\n(.+)')
text, origin, size, root, names, _ = parse('the checkpoint', note, r'(([ -\xff]+)\n(0|[1-9][0-9]{0,15})\n(\S{44})\n)\n((\xe2\x80\x94 [^ +\n]+ \S+\n){1,64})')
signed = [(by, decode(encoded)) for by, encoded in re.findall(r' (\S+) (\S+)\n', names)]
def is_signed(vkey, kind):
    global code
    name, id, encoded = parse('a key', vkey, r'([^+]+)\+([0-9a-f]{8})\+(\S+)')
    need(decode(encoded)[:1] == bytes([kind]) and len(decode(encoded)) == 33 and sha256(name, '\n', decode(encoded))[:4].hex() == id, f'{vkey} is damaged')
    for its in (own := [its for by, its in signed if by == name and its[:4].hex() == id and (kind == 4 or by == origin)]):
        message = (f'cosignature/v1\ntime {int.from_bytes(its[4:12], "big")}\n' if kind == 4 else '') + text  # a witness signs its time, too
        code = 6 if len(its) == (76 if kind == 4 else 68) and is_true(decode(encoded)[1:], message.encode('latin1'), its[-64:]) else 5
        need(code == 6, f'the signature of {name} is false')
    return len(own) > 0
code, logs, ended, met = 6, [], {}, {'none': True}  # The policy: whose signatures count, how far they went, who must have cosigned.
for word, name, value, *rest in ((re.findall('[^ \t]+', one) + [''] * 3)[:max(3, len(re.findall('[^ \t]+', one)))] for one in policy.split('\n')):
    count = {'all': len(rest), 'any': 1}.get(value) or (int(value) if value.isdigit() else -1)
    if word == 'log': logs += ['+'.join(name.split('+')[:2])] * is_signed(name, 1)
    elif word == 'ended' and count >= 0: ended[name] = count
    elif word == 'witness': met[name] = is_signed(value, 4)
    elif word == 'group' and count > 0: met[name] = sum(met.get(one, False) for one in rest) >= count
    elif word == 'quorum' and name in met: met[''] = met[name]
    else: need((word or '#')[0] == '#', f'the policy has a line "{word} {name}"')
need(any(int(size) <= min(ended.get(origin, 2**64), ended.get(key, 2**64)) for key in logs), f'no key of the policy signed this for {origin}, or it had ended before')
code = need(met.get(''), 'the cosignatures that the policy wants are not there') and 5  # The leaf: personal fields are hashed with their salts.
LINE = r'\{("seq":([0-9]+),[ -\xff]*),"user_id":T,"actor_id":T,"target_id":T,"more_targets":(null|\[".*?"\]),"request_id":T,"metadata":O,"context":O,([^\n]+),"seal":(.+)\}\n?'
head, seq, *values, tail, seal = parse('the line', line, LINE.replace('T', r'(null|"(?:[^"\\]|\\.)*")').replace('O', r'(\{(?:[^"]|"(?:[^"\\]|\\.)*")*\})'))
PLACES, opening = {'user_id': 0, 'actor_id': 64, 'target_id': 12, 'more_targets': 76, 'request_id': 24, 'metadata': 36, 'context': 48}, json.loads(parse('the seal', seal, r'(\{("salt":"[0-9a-f]{32}"|("[a-z_]+":\{"(salt":"[0-9a-f]{24}|erased":"[0-9a-f]{64})"\},?)+)\})')[0])
need(json.dumps(opening, separators=(',', ':')) == seal and opening.keys() <= {'salt', *PLACES}, 'the seal is damaged')
def committed(key, value, own):
    need(value == ('{}' if PLACES[key] in (36, 48) else 'null') if 'erased' in own else value == 'null' or 'salt' in {**opening, **own}, f'the seal does not fit {key}')
    salts = b''.join(hashlib.sha512(bytes.fromhex(opening.get('salt', '')) + more).digest() for more in (b'', b'\x01'))[PLACES[key]:][:12]
    return json.dumps(own.get('erased') or (None if value == 'null' else sha256(bytes.fromhex(own['salt']) if 'salt' in own else salts, key, '=', value).hex()))
leaf = f'{{"v":1,{head},' + ','.join(f'"{key}":{committed(key, value, opening.get(key, {}))}' for key, value in zip(PLACES, values)) + f',{tail}}}'
def root_of(at, count, beside):  # The tree: from the leaf up to the root of the checkpoint, by the hashes beside that way.
    if count == 1: return need(beside == [], 'the proof is too long') and sha256('\0', leaf)
    half, below, top = 1 << (count - 1).bit_length() - 1, beside[:-1], decode(need(beside, 'the proof is too short')[-1])
    return sha256('\1', root_of(at, half, below), top) if at < half else sha256('\1', top, root_of(at - half, count - half, below))
print(need(int(index) < int(size) and root_of(int(index), int(size), path.split()) == decode(root), f'this is not what {origin} sealed') and f'proved: entry {seq} is what {origin} sealed, in a tree of {size}' + ''.join(f', without {key}' for key in opening if 'erased' in opening[key]))
