BEGIN TRANSACTION;
CREATE TABLE answers (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	at BIGINT, 
	call VARCHAR(16) NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "answers" VALUES(1,'261127-194834-ttk59',1795808914501146,'create','{"id": "cgt-20261127194834-86037d4d"}');
INSERT INTO "answers" VALUES(2,'261127-194834-ttk59',1795808914595246,'get','{"id": "cgt-20261127194834-86037d4d", "model": "seedance-1-5-pro-251215", "status": "running", "created_at": 1795808914, "updated_at": 1795808914, "service_tier": "default", "execution_expires_after": 212489}');
INSERT INTO "answers" VALUES(3,'261127-194834-ttk59',1795808914696917,'get','{"id": "cgt-20261127194834-86037d4d", "model": "seedance-1-5-pro-251215", "status": "succeeded", "created_at": 1795808914, "updated_at": 1795808914, "service_tier": "default", "execution_expires_after": 212489, "content": {"video_url": "http://simulator/files/cgt-20261127194834-86037d4d/video.mp4?signature=89c80c003648187c"}, "usage": {"completion_tokens": 38800, "total_tokens": 38800}, "seed": 11, "resolution": "480p", "ratio": "1:1", "duration": 4, "framespersecond": 24, "generate_audio": true, "draft": false}');
INSERT INTO "answers" VALUES(4,'261127-194835-xjka8',1795808915140998,'create','{"id": "cgt-20261127194835-0d786894"}');
INSERT INTO "answers" VALUES(5,'261127-194835-xjka8',1795808915241166,'get','{"id": "cgt-20261127194835-0d786894", "model": "dreamina-seedance-2-0-mini-260615", "status": "succeeded", "created_at": 1795808915, "updated_at": 1795808915, "service_tier": "default", "execution_expires_after": 203911, "content": {"video_url": "http://simulator/files/cgt-20261127194835-0d786894/video.mp4?signature=a5d0015cfe422674"}, "usage": {"completion_tokens": 38800, "total_tokens": 38800}, "seed": 1783337629, "resolution": "480p", "ratio": "1:1", "duration": 4, "framespersecond": 24, "generate_audio": true}');
INSERT INTO "answers" VALUES(6,'261127-194835-mtj7g',1795808915374363,'create','{"id": "cgt-20261127194835-efbd82cf"}');
INSERT INTO "answers" VALUES(7,'261127-194835-mtj7g',1795808915474482,'get','{"id": "cgt-20261127194835-efbd82cf", "model": "seedance-1-5-pro-251215", "status": "running", "created_at": 1795808915, "updated_at": 1795808915, "service_tier": "default", "execution_expires_after": 225288}');
INSERT INTO "answers" VALUES(8,'261127-194835-mtj7g',1795808915576686,'get','{"id": "cgt-20261127194835-efbd82cf", "model": "seedance-1-5-pro-251215", "status": "succeeded", "created_at": 1795808915, "updated_at": 1795808915, "service_tier": "default", "execution_expires_after": 225288, "content": {"video_url": "http://simulator/files/cgt-20261127194835-efbd82cf/video.mp4?signature=c6c2333b744819a6"}, "usage": {"completion_tokens": 23280, "total_tokens": 23280}, "seed": 188901693, "resolution": "480p", "ratio": "1:1", "duration": 4, "framespersecond": 24, "generate_audio": true, "draft": true}');
CREATE TABLE kernels (
	owner VARCHAR(32) NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	born_at FLOAT NOT NULL, 
	beat_at BIGINT, 
	version INTEGER, 
	PRIMARY KEY (owner)
);
CREATE TABLE looks (
	id INTEGER NOT NULL, 
	study VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	"by" TEXT, 
	seen INTEGER NOT NULL, 
	at BIGINT, 
	PRIMARY KEY (id)
);
CREATE TABLE meta (
	name VARCHAR(32) NOT NULL, 
	value TEXT, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('version','5');
CREATE TABLE studies (
	name VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	definition TEXT NOT NULL, 
	defined_at BIGINT, 
	revealed_at BIGINT, 
	PRIMARY KEY (name, simulated)
);
CREATE TABLE tasks (
	"key" VARCHAR(32) NOT NULL, 
	task_id VARCHAR(128), 
	status VARCHAR(16) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	mode VARCHAR(24), 
	model VARCHAR(64), 
	prompt TEXT, 
	resolution VARCHAR(16), 
	ratio VARCHAR(16), 
	width INTEGER, 
	height INTEGER, 
	duration INTEGER, 
	frames INTEGER, 
	seed BIGINT, 
	requested_seed BIGINT, 
	camera_fixed BOOLEAN, 
	watermark BOOLEAN, 
	generate_audio BOOLEAN, 
	service_tier VARCHAR(16), 
	first_frame TEXT, 
	last_frame TEXT, 
	reference_images TEXT, 
	reference_videos TEXT, 
	reference_audios TEXT, 
	tokens BIGINT, 
	usd FLOAT, 
	est_tokens BIGINT, 
	est_usd FLOAT, 
	price_id TEXT, 
	file VARCHAR(16) NOT NULL, 
	video_path TEXT, 
	last_frame_path TEXT, 
	sha256 VARCHAR(64), 
	error_code TEXT, 
	error_message TEXT, 
	created_at BIGINT, 
	finished_at BIGINT, 
	saved_at BIGINT, 
	parent_key VARCHAR(32), 
	study TEXT, 
	arm TEXT, 
	item TEXT, 
	verdict TEXT, 
	simulated BOOLEAN NOT NULL, 
	poster_path TEXT, 
	preview_path TEXT, 
	error_param TEXT, 
	note TEXT, 
	remark TEXT, 
	usd_per_million FLOAT, 
	reserved_usd FLOAT NOT NULL, 
	nonce INTEGER, 
	matched_by VARCHAR(16), 
	candidates TEXT, 
	owner VARCHAR(32), 
	chain VARCHAR(64), 
	resent_as VARCHAR(32), 
	study_seed BIGINT, 
	wire_model TEXT, 
	body TEXT, 
	request_id TEXT, 
	client_request_id TEXT, 
	video_url TEXT, 
	last_frame_url TEXT, 
	intent_at BIGINT, 
	sent_at BIGINT, 
	revision INTEGER NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "tasks" VALUES('261127-194834-ttk59','cgt-20261127194834-86037d4d','succeeded','standard','text','seedance-1-5-pro-251215','a fox','480p','1:1',640,640,4,97,11,11,0,0,1,'default',NULL,NULL,NULL,NULL,NULL,38800,0.09312,38800,0.09312,'seedance-1-5-pro/default/audio@2026-06','saved','media/261127-194834-ttk59/video.mp4',NULL,'62316e978885500f3ee7462802849e737a69a4c595659f3b37c0b3c34b0062cf',NULL,NULL,1795808914000000,1795808914000000,1795808915134802,NULL,NULL,NULL,NULL,'accept',1,'media/261127-194834-ttk59/poster.jpg',NULL,NULL,'its record at the service was deleted',NULL,2.4,0.0,39689,NULL,NULL,NULL,NULL,NULL,NULL,'seedance-1-5-pro-251215','{"model": "seedance-1-5-pro-251215", "content": [{"type": "text", "text": "a fox"}], "resolution": "480p", "ratio": "1:1", "duration": 4, "seed": 11, "generate_audio": true, "execution_expires_after": 212489}','dbd8cd27bc34af4822cfb752feae96f6','88a1858050a34acc98e583cb58ef7b7b','http://simulator/files/cgt-20261127194834-86037d4d/video.mp4?signature=89c80c003648187c',NULL,1795808914492677,NULL,5);
INSERT INTO "tasks" VALUES('261127-194835-xjka8','cgt-20261127194835-0d786894','succeeded','standard','text','dreamina-seedance-2-0-mini-260615','an owl','480p','1:1',640,640,4,97,1783337629,NULL,0,0,1,'default',NULL,NULL,NULL,NULL,NULL,38800,0.1358,38800,0.1358,'dreamina-seedance-2-0-mini/default@2026-06','saved','media/261127-194835-xjka8/video.mp4',NULL,'1e0b356b68d63bf42fb922a26439ebbd46e85764b207eec0e25b811c988b1494',NULL,NULL,1795808915000000,1795808915000000,1795808915369564,NULL,NULL,NULL,NULL,NULL,1,'media/261127-194835-xjka8/poster.jpg',NULL,NULL,'the service could not be asked: 404','billed 77,200 tokens',3.5,0.0,31111,NULL,NULL,NULL,NULL,NULL,NULL,'dreamina-seedance-2-0-mini-260615','{"model": "dreamina-seedance-2-0-mini-260615", "content": [{"type": "text", "text": "an owl"}], "resolution": "480p", "ratio": "1:1", "duration": 4, "generate_audio": true, "execution_expires_after": 203911}','35e3d4019a16bb11e7b0f483e08ce04a','42f09185fac64d80ac3e1c3c7bc12e87','http://simulator/files/cgt-20261127194835-0d786894/video.mp4?signature=a5d0015cfe422674',NULL,1795808915137641,NULL,3);
INSERT INTO "tasks" VALUES('261127-194835-mtj7g','cgt-20261127194835-efbd82cf','succeeded','draft','text','seedance-1-5-pro-251215','a draft','480p','1:1',640,640,4,97,188901693,188901693,0,0,1,'default',NULL,NULL,NULL,NULL,NULL,23280,0.055872,23280,0.055872,'seedance-1-5-pro/default/audio@2026-06','saved','media/261127-194835-mtj7g/video.mp4',NULL,'bed6f014d27d049938e600e207e43dd840d7c16334b34f5fa381188ac3cc6052',NULL,NULL,1795808915000000,1795808915000000,1795808915701436,NULL,NULL,NULL,NULL,'accept',1,'media/261127-194835-mtj7g/poster.jpg',NULL,NULL,NULL,NULL,2.4,0.0,52488,NULL,NULL,NULL,NULL,NULL,NULL,'seedance-1-5-pro-251215','{"model": "seedance-1-5-pro-251215", "content": [{"type": "text", "text": "a draft"}], "resolution": "480p", "ratio": "1:1", "duration": 4, "generate_audio": true, "draft": true, "seed": 188901693, "execution_expires_after": 225288}','90fc04cbc7102160a7507b6cb6eb26e9','721ed78f4ca346d8a7107697f6280670','http://simulator/files/cgt-20261127194835-efbd82cf/video.mp4?signature=c6c2333b744819a6',NULL,1795808915371552,NULL,5);
CREATE TABLE verdicts (
	id INTEGER NOT NULL, 
	"key" VARCHAR(32) NOT NULL, 
	verdict VARCHAR(16), 
	at BIGINT, 
	PRIMARY KEY (id)
);
INSERT INTO "verdicts" VALUES(1,'261127-194834-ttk59','accept',1795808915703669);
INSERT INTO "verdicts" VALUES(2,'261127-194835-mtj7g','star',1795808915705081);
CREATE TABLE votes (
	id INTEGER NOT NULL, 
	study VARCHAR(128) NOT NULL, 
	simulated BOOLEAN NOT NULL, 
	rater VARCHAR(128) NOT NULL, 
	trial VARCHAR(64) NOT NULL, 
	left_key VARCHAR(32) NOT NULL, 
	right_key VARCHAR(32) NOT NULL, 
	choice VARCHAR(16) NOT NULL, 
	criterion VARCHAR(64), 
	kind VARCHAR(16) NOT NULL, 
	seconds FLOAT, 
	sound BOOLEAN, 
	at BIGINT, 
	undone_at BIGINT, 
	PRIMARY KEY (id)
);
CREATE INDEX tasks_nonce ON tasks (wire_model, service_tier, nonce);
CREATE INDEX tasks_money ON tasks (simulated, usd, reserved_usd);
CREATE INDEX tasks_study ON tasks (study);
CREATE INDEX ix_tasks_task_id ON tasks (task_id);
CREATE INDEX ix_tasks_status ON tasks (status);
CREATE INDEX ix_answers_key ON answers ("key");
CREATE INDEX ix_verdicts_key ON verdicts ("key");
CREATE INDEX votes_of ON votes (study, simulated, rater);
COMMIT;
